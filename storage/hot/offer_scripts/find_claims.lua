-- How claims stand.
-- KEYS    1 ready   2.. for each claim the claims of its offer's round
-- ARGV    1 run   2 settings   3.. claim ids
-- Returns {'ok', for each a packed claim or false} or {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
local found = {'ok'}
for i = 2, #KEYS do
  found[i] = redis.call('HGET', KEYS[i], ARGV[i + 1])
end
return found
