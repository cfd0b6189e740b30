-- Begin a generation: from now on nothing is trusted, and what is put on a board of an older one is not counted
-- in the minutes, for that board will be forgotten and its events fed again.
-- KEYS    1 ready   2 generation   3 minutes
-- ARGV    1 run   2 token
-- Returns the run of this connection
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[3])
return ARGV[1]
