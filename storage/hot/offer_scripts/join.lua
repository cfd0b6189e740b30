-- Put a user on an offer's waiting list; whoever waits already keeps their place.
-- KEYS    1 ready   2 log   3 offer   4 waiting   5 waited   6 queues
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 user   7 event id
-- Returns {'ok', when they joined, how many are before them}, {'round'}, {'unknown'}, {'untrusted'} or {'backlogged'}
local offer, refused = offer_in_round()
if not offer then
  return refused
end
local joined = redis.call('ZSCORE', KEYS[4], ARGV[6])
if not joined then
  if is_backlogged() then
    return {'backlogged'}
  end
  local now = time_us()
  joined = text(now)
  redis.call('ZADD', KEYS[4], joined, ARGV[6])
  redis.call('SADD', KEYS[6], ARGV[4])
  journal_waiting('WaitingJoined', ARGV[7], now, ARGV[6], joined)
end
return {'ok', text(joined), redis.call('ZRANK', KEYS[4], ARGV[6])}
