-- Append a mark to a log, full or not: what it is waited for must not wait for it.
-- KEYS    1 log
-- ARGV    1 format   2 payload
-- Returns the mark's position
return redis.call('XADD', KEYS[1], '*', ARGV[1], ARGV[2])
