-- Move a board that is behind a step further.
-- KEYS    1 board   2 totals   3 behind
-- ARGV    1 window, µs   2 latest   3 most events to pass   4 user id
-- Returns 1 where the board has caught up, else 0
local now = time_us()
local window = tonumber(ARGV[1])
local state = read_marks(KEYS[2], now, window)
if not state.is_new and not is_behind_marks(state, now, window) then
  local _, arrived = advance(KEYS[1], KEYS[2], state, now, now, window, tonumber(ARGV[2]), tonumber(ARGV[3]))
  if not arrived then
    return 0
  end
end
redis.call('SREM', KEYS[3], ARGV[4])
return 1
