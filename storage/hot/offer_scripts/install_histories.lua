-- Put what happened to users lately in place of whatever stands there.
-- KEYS    1 ready   2 token   3.. histories
-- ARGV    1 token   then for each history: how many summaries follow, the newest first
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
local i = 2
for key = 3, #KEYS do
  local last = i + tonumber(ARGV[i])
  redis.call('DEL', KEYS[key])
  if last > i then
    redis.call('RPUSH', KEYS[key], unpack(ARGV, i + 1, last))
  end
  i = last + 1
end
return 'ok'
