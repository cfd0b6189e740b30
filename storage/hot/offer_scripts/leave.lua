-- Take a user off an offer's waiting list.
-- KEYS    1 ready   2 log   3 offer   4 waiting   5 waited   6 queues
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 user   7 event id
-- Returns {'ok', 1 where they waited else 0}, {'round'}, {'unknown'}, {'untrusted'} or {'backlogged'}
if is_untrusted() then
  return {'untrusted'}
end
local offer = read_offer(KEYS[3])
if not offer then
  return {'unknown'}
elseif offer.round ~= ARGV[5] then
  return {'round'}
end
local joined = redis.call('ZSCORE', KEYS[4], ARGV[6])
if not joined then
  return {'ok', 0}
elseif is_backlogged() then
  return {'backlogged'}
end
redis.call('ZREM', KEYS[4], ARGV[6])
if redis.call('EXISTS', KEYS[4]) == 0 then
  redis.call('SREM', KEYS[6], ARGV[4])
end
local revision = redis.call('HINCRBY', KEYS[5], ARGV[6], 1)
journal_waiting('WaitingLeft', ARGV[7], time_us(), ARGV[4], ARGV[5], ARGV[6], text(joined), revision)
return {'ok', 1}
