-- Begin a restore: from now on nothing writes what is scarce but it.
-- KEYS    1 ready   2 token
-- ARGV    1 run   2 token
-- Returns the run of this connection
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[2])
return ARGV[1]
