-- Whether a partition's offers can be trusted for the run that this connection speaks to.
-- KEYS    1 ready
-- ARGV    1 run   2 settings
-- Returns 1 or 0
return redis.call('GET', KEYS[1]) == ARGV[1] .. ARGV[2] and 1 or 0
