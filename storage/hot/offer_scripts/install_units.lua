-- Put units of one round in place, in the order of their numbers and without a gap.
-- KEYS    1 ready   2 token   3 offer   4 units   5 where the free ones go
-- ARGV    1 token   2 the unit behind the last one   then for each unit: number, revision, '1' where it is free
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
local free, revisions = {}, {}
for i = 3, #ARGV, 3 do
  if ARGV[i + 2] == '1' then
    free[#free + 1], free[#free + 2] = ARGV[i], ARGV[i]
    if ARGV[i + 1] ~= '0' then
      revisions[#revisions + 1], revisions[#revisions + 2] = ARGV[i], ARGV[i + 1]
    end
  end
end
if #free > 0 then
  redis.call('ZADD', KEYS[5], unpack(free))
end
if #revisions > 0 then
  redis.call('HSET', KEYS[4], unpack(revisions))
end
redis.call('HSET', KEYS[3], 'next_unit', ARGV[2])
return 'ok'
