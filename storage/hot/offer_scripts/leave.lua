-- Take a user off an offer's waiting list.
-- KEYS    1 ready   2 log   3 offer   4 waiting   5 waited   6 queues
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 user   7 event id
-- Returns {'ok', 1 where they waited else 0}, {'round'}, {'unknown'}, {'untrusted'} or {'backlogged'}
local offer, refused = offer_in_round()
if not offer then
  return refused
end
local joined = redis.call('ZSCORE', KEYS[4], ARGV[6])
if not joined then
  return {'ok', 0}
elseif is_backlogged() then
  return {'backlogged'}
end
redis.call('ZREM', KEYS[4], ARGV[6])
close_if_empty()
journal_waiting('WaitingLeft', ARGV[7], time_us(), ARGV[6], text(joined))
return {'ok', 1}
