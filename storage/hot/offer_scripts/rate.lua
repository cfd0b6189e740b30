-- Shared by the scripts that limit how often a user does something: so many times in a window, which begins with the
-- first of them.

-- The milliseconds until the next window where this one is used up, else nil.
local function wait_ms(key, most)
  if tonumber(redis.call('GET', key) or 0) < tonumber(most) then
    return nil
  end
  return redis.call('PTTL', key)
end

local function count_one(key, window_ms)
  if redis.call('INCR', key) == 1 then
    redis.call('PEXPIRE', key, window_ms)
  end
end
