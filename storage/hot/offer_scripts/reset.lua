-- Begin a new round of an offer, with all its stock. What belongs to the old one stays readable for a day.
-- KEYS    1 ready   2 log   3 offer   4 making   5 queues   6.. the keys of the old round
-- ARGV    1 run   2 settings   3 most entries in the log   4 event id   5 event id of the count   6 offer id
--         7 revision that was read   8 the offer as JSON   9 '1' where it has seats to make
--         10.. its terms as fields and values
-- Returns as change
local READABLE_S = 86400
local refusal = refused_change()
if refusal then
  return refusal
end
local revision = text(read_offer(KEYS[3]).stock_revision + 1)
redis.call('HSET', KEYS[3], 'said', ARGV[4], 'snapshot', ARGV[8], unpack(ARGV, 10))
begin_round(KEYS[3], revision)
for i = 6, #KEYS do
  redis.call('EXPIRE', KEYS[i], READABLE_S)
end
redis.call('SREM', KEYS[5], ARGV[6])
if ARGV[9] == '1' then
  redis.call('SADD', KEYS[4], ARGV[6])
end
local now = time_us()
journal_offer('OfferReset', ARGV[4], now, ARGV[8])
journal_count(read_offer(KEYS[3]), ARGV[6], ARGV[5], now)
redis.call('PUBLISH', 'restocked', ARGV[6])
return {'ok'}
