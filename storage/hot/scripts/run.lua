-- Which run of a server this connection speaks to, and whether the partition is trusted for it.
-- KEYS    1 ready
-- ARGV    1 run   2 settings
-- Returns {the run, 1 where the marker stands in ready else 0}
return {ARGV[1], redis.call('GET', KEYS[1]) == ARGV[1] .. ARGV[2] and 1 or 0}
