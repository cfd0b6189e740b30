-- Shared by the scripts that write what is scarce: whether they may. Their keys begin with 1 ready and 2 log, their
-- arguments with 1 run, 2 settings and 3 most entries in the log.
local function is_untrusted()
  return redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2]
end

local function is_backlogged()
  return redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3])
end
