-- Shared by the scripts that know of everybody's minutes from when on they are complete: the field `from`, in µs,
-- which only moves forward. A window that begins before it, by a clock that was set back, is answered by SQL.
local function complete_from(minutes, at)
  if at > tonumber(redis.call('HGET', minutes, 'from') or '0') then
    redis.call('HSET', minutes, 'from', text(at))
  end
end
