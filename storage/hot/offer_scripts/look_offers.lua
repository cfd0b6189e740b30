-- How offers stand.
-- KEYS    1 ready   2.. offers
-- ARGV    1 run   2 settings
-- Returns {'ok', for each offer its snapshot, remaining, stock revision, seats made, claims and refused} or
--         {'untrusted'}
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'untrusted'}
end
local found = {'ok'}
for i = 2, #KEYS do
  found[i] = redis.call('HMGET', KEYS[i], 'snapshot', 'remaining', 'stock_revision', 'made', 'claims', 'refused')
end
return found
