-- Put an offer in place, with all its stock; its claims and units follow.
-- KEYS    1 ready   2 token   3 offer   4 offers   5 making
-- ARGV    1 token   2 offer id   3 when it was made, µs   4 stock revision   5 seats made   6 seats in all   7 refused
--         8.. its snapshot and terms as fields and values
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
redis.call('HSET', KEYS[3], unpack(ARGV, 8))
begin_round(KEYS[3], ARGV[4])
redis.call('HSET', KEYS[3], 'made', ARGV[5], 'refused', ARGV[7])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[2])
if ARGV[5] ~= ARGV[6] then
  redis.call('SADD', KEYS[5], ARGV[2])
else
  redis.call('SREM', KEYS[5], ARGV[2])
end
return 'ok'
