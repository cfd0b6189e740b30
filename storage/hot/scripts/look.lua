-- A user's window sum now; writes only when an event has crossed a mark.
-- KEYS    1 ready   2 board   3 totals   4 behind
-- ARGV    1 run   2 settings   3 window, µs   4 latest   5 most events to pass   6 user id
-- Returns {'ok', now, totals as flat fields and values} or {'sql', now, why}
local now = time_us()
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'sql', text(now), 'untrusted'}
end
local window = tonumber(ARGV[3])
local state = read_marks(KEYS[3], now, window)
if state.sql then
  return {'sql', text(now), state.sql}
end
if state.is_new then
  return {'ok', text(now), {}}
end
if is_behind_marks(state, now, window) then
  return {'sql', text(now), 'the clock stands behind a mark'}
end
local moved, arrived = advance(KEYS[2], KEYS[3], state, now, now, window, tonumber(ARGV[4]), tonumber(ARGV[5]))
if not arrived then
  redis.call('SADD', KEYS[4], ARGV[6])
  return {'sql', text(now), 'behind'}
end
if moved > 0 then
  local sql = redis.call('HGET', KEYS[3], 'sql')
  if sql then
    return {'sql', text(now), sql}
  end
end
return {'ok', text(now), redis.call('HGETALL', KEYS[3])}
