-- Say that a partition's offers can be trusted, if the restore that says so is still the one under way and the
-- server still runs as it did when that began.
-- KEYS    1 ready   2 token
-- ARGV    1 run of this connection   2 settings   3 run when the restore began   4 its token
-- Returns 1 where the marker now stands, else 0
if ARGV[1] ~= ARGV[3] or redis.call('GET', KEYS[2]) ~= ARGV[4] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
return 1
