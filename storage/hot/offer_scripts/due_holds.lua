-- The holds whose deadline has passed, the earliest first.
-- KEYS    1 ready   2 holds
-- ARGV    1 run   2 settings   3 how many
-- Returns {'ok', claim ids} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
return {'ok', redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(time_us()), 'LIMIT', 0, ARGV[3])}
