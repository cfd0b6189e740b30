-- Shared by the scripts of a restore. Their keys begin with 1 ready and 2 token, their arguments with 1 the token:
-- a restore that another has overtaken, or that is over, must not touch what the other one makes.
local function is_overtaken()
  return redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('EXISTS', KEYS[1]) == 1
end
