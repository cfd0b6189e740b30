-- Shared by the scripts that move a board's marks; it runs nothing by itself.
--
-- A board is a sorted set of events by their moment (µs). Beside it the hash `totals` holds two marks that only
-- move forward, `from` and `to`, and a currency's count, credit and debit over (from, to].
-- A mark is a moment; while a call stopped between events of one moment, `from_member` or `to_member` names the
-- last one passed, and that event stays on the board until the mark has moved on.
-- Amounts are whole numbers within ±10^12 and a call passes at most a few thousand events, so what is added up
-- here stays far below 2^53; totals grow in the hash by HINCRBY alone, which is exact to 2^63.

-- A board as its totals tell it: the marks, when they were moved last, its generation, and why SQL must answer
-- for it (or false). A board that has no marks begins with both where the window begins.
local function read_marks(totals, now, window)
  local found = redis.call('HMGET', totals, 'from', 'to', 'from_member', 'to_member', 'moved', 'sql', 'generation')
  local state = {sql = found[6], generation = found[7]}
  if found[1] then
    state.from = {at = tonumber(found[1]), member = found[3]}
    state.to = {at = tonumber(found[2]), member = found[4]}
    state.moved = tonumber(found[5])
  else
    state.is_new = true
    state.from = {at = now - window, member = ''}
    state.to = {at = now - window, member = ''}
    state.moved = now
  end
  return state
end

-- Whether the clock stands behind a mark: it was set back, and marks only move forward. A board whose marks were
-- not moved since it began may have `to` behind such a clock and `from` ahead of its window.
local function is_behind_marks(state, now, window)
  return now < state.to.at or now - window < state.from.at
end

local function write_marks(totals, state)
  redis.call('HSET', totals, 'from', text(state.from.at), 'to', text(state.to.at),
    'from_member', state.from.member, 'to_member', state.to.member, 'moved', text(state.moved))
end

-- A member is 16 bytes of id, 3 of currency, the amount, '|', the merchant.
local function read_member(member)
  local currency, amount = string.match(member, '^(...)(-?%d+)', 17)
  return currency, tonumber(amount)
end

-- Adds an amount to `sums`, `sign` times.
local function sum_up(sums, currency, amount, sign)
  local sum = sums[currency]
  if not sum then
    sum = {count = 0, credit = 0, debit = 0}
    sums[currency] = sum
  end
  sum.count = sum.count + sign
  if amount > 0 then
    sum.credit = sum.credit + sign * amount
  elseif amount < 0 then
    sum.debit = sum.debit + sign * amount
  end
end

-- Adds `sums` to the totals. Where one outgrows 63 bits the board is marked: SQL answers for it.
local function write_sums(totals, sums)
  for currency, sum in pairs(sums) do
    for field, value in pairs(sum) do
      if value ~= 0 then
        local done = redis.pcall('HINCRBY', totals, currency .. ':' .. field, text(value))
        if type(done) == 'table' and done.err then
          redis.call('HSET', totals, 'sql', done.err)
        end
      end
    end
  end
end

-- How many events of the board a mark has passed.
local function passed(board, mark)
  if mark.member == '' then
    return redis.call('ZCOUNT', board, '-inf', text(mark.at))
  end
  return redis.call('ZRANK', board, mark.member) + 1
end

-- Whether `mark` has passed this event of the board.
local function has_passed(board, mark, at, member)
  if at ~= mark.at or mark.member == '' then
    return at <= mark.at
  end
  return redis.call('ZRANK', board, member) < passed(board, mark)
end

-- Moves `mark` up to `target`, adding each event passed to `sums`; at most `budget` of them.
-- Returns how many were passed, and whether the target was reached.
local function move(board, mark, target, sums, sign, budget)
  local first = passed(board, mark)
  local crossing = redis.call('ZCOUNT', board, '-inf', text(target)) - first
  if crossing <= 0 then
    mark.at, mark.member = target, ''
    return 0, true
  end
  local count = math.min(crossing, budget)
  if count == 0 then
    return 0, false
  end
  local rows = redis.call('ZRANGE', board, first, first + count - 1, 'WITHSCORES')
  for i = 1, #rows, 2 do
    local currency, amount = read_member(rows[i])
    sum_up(sums, currency, amount, sign)
  end
  if count == crossing then
    mark.at, mark.member = target, ''
  else
    mark.at, mark.member = tonumber(rows[#rows]), rows[#rows - 1]
  end
  return count, count == crossing
end

-- Takes off the board what lies outside the window, but for the latest ones.
local function sweep(board, from, latest)
  local outside = passed(board, from)
  if from.member ~= '' then
    outside = outside - 1
  end
  local spare = math.min(outside, redis.call('ZCARD', board) - latest)
  if spare > 0 then
    redis.call('ZREMRANGEBYRANK', board, 0, spare - 1)
  end
end

-- Moves `to` up to `target` and `from` up to now - window, passing at most `budget` events, and writes what has
-- changed. Returns how many events were passed, and whether the marks arrived.
local function advance(board, totals, state, target, now, window, latest, budget)
  local sums = {}
  local entered, all_entered = move(board, state.to, target, sums, 1, budget)
  local left, all_left = 0, false
  if all_entered then
    left, all_left = move(board, state.from, now - window, sums, -1, budget - entered)
  end
  if entered + left > 0 then
    state.moved = now
    write_sums(totals, sums)
    write_marks(totals, state)
    sweep(board, state.from, latest)
  end
  return entered + left, all_left
end
