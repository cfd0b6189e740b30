-- Which offers there are, the newest first; those made at the same moment by their names, backwards.
-- KEYS    1 ready   2 offers
-- ARGV    1 run   2 settings   3 the latest moment, µs, or '+inf'   4 how many, beside those of that moment
-- Returns {'ok', offer ids and moments in turn} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
local count = tonumber(ARGV[4]) + redis.call('ZCOUNT', KEYS[2], ARGV[3], ARGV[3])
return {'ok', redis.call('ZREVRANGEBYSCORE', KEYS[2], ARGV[3], '-inf', 'WITHSCORES', 'LIMIT', 0, count)}
