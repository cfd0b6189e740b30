-- A user's latest events, the newest first.
-- KEYS    1 ready   2 board
-- ARGV    1 run   2 settings   3 how many
-- Returns {'ok', members and moments in turn} or {'sql'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'sql'}
end
return {'ok', redis.call('ZREVRANGE', KEYS[2], 0, tonumber(ARGV[3]) - 1, 'WITHSCORES')}
