-- Shared by the scripts that need to know the time: the server's, in µs since 1970.
local function time_us()
  local now = redis.call('TIME')
  return tonumber(now[1]) * 1000000 + tonumber(now[2])
end

local function text(number)
  return string.format('%.0f', number)
end
