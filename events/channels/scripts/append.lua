-- Append messages to a partition's log and announce each on its channel: all of them or none.
-- KEYS    1 log   2 lease (only where the append is bound to one)
-- ARGV    1 max_backlog, in entries   2 format   3 channel, '' to announce nothing   4 lease token   5.. payloads
-- Returns 'appended', 'backlogged' or 'lease lost'
if KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[4] then
  return 'lease lost'
end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
  return 'backlogged'
end
local log, format, channel = KEYS[1], ARGV[2], ARGV[3]
for i = 5, #ARGV do
  redis.call('XADD', log, '*', format, ARGV[i])
  if channel ~= '' then
    redis.call('PUBLISH', channel, ARGV[i])
  end
end
return 'appended'
