-- How many of those who wait could be served, and the first of them.
-- KEYS    1 ready   2 offer   3 waiting
-- ARGV    1 run   2 settings   3 most
-- Returns {'ok', users and when they joined in turn} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
local count = math.min(tonumber(redis.call('HGET', KEYS[2], 'remaining') or 0), tonumber(ARGV[3]))
if count == 0 then
  return {'ok', {}}
end
return {'ok', redis.call('ZRANGE', KEYS[3], 0, count - 1, 'WITHSCORES')}
