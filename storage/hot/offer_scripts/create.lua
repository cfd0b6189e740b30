-- Make an offer.
-- KEYS    1 ready   2 log   3 offer   4 offers   5 making
-- ARGV    1 run   2 settings   3 most entries in the log   4 event id   5 offer id   6 when, µs   7 the offer as JSON
--         8 '1' where it has seats to make   9.. its terms as fields and values
-- Returns {'ok'}, {'exists'}, {'untrusted'} or {'backlogged'}
if is_untrusted() then
  return {'untrusted'}
elseif redis.call('EXISTS', KEYS[3]) == 1 then
  return {redis.call('HGET', KEYS[3], 'said') == ARGV[4] and 'ok' or 'exists'}
elseif is_backlogged() then
  return {'backlogged'}
end
redis.call('HSET', KEYS[3], 'said', ARGV[4], 'snapshot', ARGV[7], unpack(ARGV, 9))
begin_round(KEYS[3], '0')
redis.call('ZADD', KEYS[4], ARGV[6], ARGV[5])
if ARGV[8] == '1' then
  redis.call('SADD', KEYS[5], ARGV[5])
end
journal_offer('OfferCreated', ARGV[4], time_us(), ARGV[7])
redis.call('PUBLISH', 'restocked', ARGV[5])
return {'ok'}
