-- Who liked most, the first first.
-- KEYS    1 ready   2 likes
-- ARGV    1 run   2 settings   3 how many
-- Returns {'ok', members and counts in turn} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
return {'ok', redis.call('ZREVRANGE', KEYS[2], 0, tonumber(ARGV[3]) - 1, 'WITHSCORES')}
