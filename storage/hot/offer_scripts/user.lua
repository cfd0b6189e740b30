-- What a user did lately, as far as one partition knows.
-- KEYS    1 ready   2 attempts   3 history   4 mine
-- ARGV    1 run   2 settings   3 how many of the history   4 how many claims
-- Returns {'ok', attempts or false, history, claim ids} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
local history, mine = tonumber(ARGV[3]), tonumber(ARGV[4])
return {
  'ok', redis.call('GET', KEYS[2]), history > 0 and redis.call('LRANGE', KEYS[3], 0, history - 1) or {},
  mine > 0 and redis.call('ZREVRANGE', KEYS[4], 0, mine - 1) or {},
}
