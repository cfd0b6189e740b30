-- Say that a partition can be trusted, if the rebuild that says so is still the one under way and the server
-- still runs as it did when that rebuild began.
-- KEYS    1 ready   2 generation
-- ARGV    1 run of this connection   2 settings   3 run when the rebuild began   4 its token
-- Returns 1 where the marker now stands, else 0
if ARGV[1] ~= ARGV[3] or redis.call('GET', KEYS[2]) ~= ARGV[4] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
return 1
