-- Put strings in place.
-- KEYS    1 ready   2 token   3.. strings
-- ARGV    1 token   then the value of each
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i - 1])
end
return 'ok'
