-- Change an offer's terms, unless somebody else did since they were read.
-- KEYS    1 ready   2 log   3 offer
-- ARGV    1 run   2 settings   3 most entries in the log   4 event id   5 event id of the count   6 offer id
--         7 revision that was read   8 the offer as JSON   9.. its terms as fields and values
-- Returns {'ok'}, {'moved'}: read it again, {'unknown'}, {'untrusted'} or {'backlogged'}
local refusal = refused_change()
if refusal then
  return refusal
end
local before = read_offer(KEYS[3]).remaining
redis.call('HSET', KEYS[3], 'said', ARGV[4], 'snapshot', ARGV[8], unpack(ARGV, 9))
local offer, now = read_offer(KEYS[3]), time_us()
if offer.remaining ~= before then
  move_stock(KEYS[3], offer, 0)
  journal_count(offer, ARGV[6], ARGV[5], now)
end
journal_offer('OfferChanged', ARGV[4], now, ARGV[8])
redis.call('PUBLISH', 'restocked', ARGV[6])
return {'ok'}
