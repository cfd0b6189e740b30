-- Put fields of hashes in place.
-- KEYS    1 ready   2 token   3.. hashes
-- ARGV    1 token   then for each hash: how many values follow, fields and values in turn
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
local i = 2
for key = 3, #KEYS do
  local last = i + tonumber(ARGV[i])
  redis.call('HSET', KEYS[key], unpack(ARGV, i + 1, last))
  i = last + 1
end
return 'ok'
