-- How often something was liked: everything in a hash, or one field of it.
-- KEYS    1 ready   2 liked, or liked offers
-- ARGV    1 run   2 settings   3 field, or '' for all
-- Returns {'ok', fields and values in turn} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
elseif ARGV[3] == '' then
  return {'ok', redis.call('HGETALL', KEYS[2])}
end
local found = redis.call('HGET', KEYS[2], ARGV[3])
return {'ok', found and {ARGV[3], found} or {}}
