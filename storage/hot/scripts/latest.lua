-- A user's latest events, the newest first; none from behind the horizon, wherever they are still on the board.
-- KEYS    1 ready   2 board   3 horizon
-- ARGV    1 run   2 settings   3 how many
-- Returns {'ok', members and moments in turn} or {'sql'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'sql'}
end
local horizon = redis.call('GET', KEYS[3])
local oldest = horizon and '(' .. horizon or '-inf'
return {'ok', redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', oldest, 'WITHSCORES', 'LIMIT', 0, ARGV[3])}
