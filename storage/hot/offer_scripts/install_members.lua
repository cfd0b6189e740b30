-- Put members of sorted sets in place.
-- KEYS    1 ready   2 token   3.. sorted sets
-- ARGV    1 token   then for each set: how many values follow, scores and members in turn
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
local i = 2
for key = 3, #KEYS do
  local last = i + tonumber(ARGV[i])
  redis.call('ZADD', KEYS[key], unpack(ARGV, i + 1, last))
  i = last + 1
end
return 'ok'
