-- Drop from boards what was deleted from SQL. A board's marks pass it first, so that its totals do not count it.
-- KEYS    a board and a totals for each user
-- ARGV    1 window, µs   2 latest   3 most events to pass   4 horizon, µs, not after the window's beginning
-- Returns the numbers of the users, counted from 1, whose boards have more to pass and are to be called for again
local now = time_us()
local window, latest, budget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local horizon = tonumber(ARGV[4])

local function drop(board, totals)
  local state = read_marks(totals, now, window)
  if not state.is_new and not is_behind_marks(state, now, window) then
    local passed, arrived = advance(board, totals, state, now, now, window, latest, budget)
    budget = budget - passed
    if not arrived then
      return false
    end
  end
  if state.from.at > horizon then
    redis.call('ZREMRANGEBYSCORE', board, '-inf', ARGV[4])
  end
  if redis.call('EXISTS', board) == 0 then
    redis.call('UNLINK', totals)
  end
  return true
end

local again = {}
for i = 1, #KEYS, 2 do
  -- A board that holds something else by now is answered by SQL.
  local behind = redis.pcall('ZCOUNT', KEYS[i], '-inf', ARGV[4])
  if type(behind) == 'number' and behind > 0 and not drop(KEYS[i], KEYS[i + 1]) then
    again[#again + 1] = (i + 1) / 2
  end
end
return again
