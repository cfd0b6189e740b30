-- Put stored events on their users' boards. Whether anything moves is decided by ZADD NX alone, so the same
-- events may be applied any number of times.
-- KEYS    1 behind   2 minutes   3 live   4 generation   then a board and a totals for each user
-- ARGV    1 window, µs   2 latest   3 most events to pass   4 how long live keeps, ms   5 most live entries
--         6 most events in one live entry ('0' where nobody is to be told)
--         then for each user: user id, how many events, and a moment and a member for each
-- Returns how many events were new to their boards and not older than their windows
local MINUTE = 60000000
local now = time_us()
local window, latest, budget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local told, told_count, most_told, untold = {}, 0, tonumber(ARGV[6]), 0
local minutes, accepted, passed_over = {}, 0, 0
local current = redis.call('GET', KEYS[4]) or ''

local function tell(user, at, member)
  if told_count >= most_told then
    untold = untold + 1
  else
    told_count = told_count + 1
    told[2 * told_count - 1] = user
    told[2 * told_count] = at .. ':' .. member
  end
end

local function count_minute(at, currency, amount)
  local by_minute, minute = minutes[currency], (at - at % MINUTE) / MINUTE
  if not by_minute then
    by_minute = {counts = {}, sums = {}}
    minutes[currency] = by_minute
  end
  by_minute.counts[minute] = (by_minute.counts[minute] or 0) + 1
  by_minute.sums[minute] = (by_minute.sums[minute] or 0) + amount
end

-- Those of the events ARGV[first] to ARGV[last] that the board did not hold, now added: a list of moments and
-- members in turn, and where in it they begin and end; nil where all stood there.
local function add(board, first, last)
  if first + 1 == last then
    if redis.call('ZADD', board, 'NX', ARGV[first], ARGV[last]) == 1 then
      return ARGV, first, last
    end
    return nil
  end
  local members, fresh = {}, {}
  for i = first + 1, last, 2 do
    members[#members + 1] = ARGV[i]
  end
  local scores = redis.call('ZMSCORE', board, unpack(members))
  for i = 1, #members do
    if not scores[i] then
      fresh[#fresh + 1] = ARGV[first + 2 * i - 2]
      fresh[#fresh + 1] = members[i]
    end
  end
  if #fresh == 0 then
    return nil
  end
  redis.call('ZADD', board, 'NX', unpack(fresh))
  return fresh, 1, #fresh
end

-- Move a board's marks along, once a minute: `to` only as far as the newest event that came, so that the rest of
-- a backlog still waits beyond it.
local function move_on(user, board, totals, state, newest)
  local target = math.max(state.to.at, math.min(now, newest), now - window)
  local passed_now, arrived = advance(board, totals, state, target, now, window, latest, budget)
  budget = budget - passed_now
  if not arrived then
    redis.call('SADD', KEYS[1], user)
  elseif passed_now == 0 then
    state.moved = now
    write_marks(totals, state)
  end
end

local function apply(user, board, totals, first, last)
  local events, begins, ends = add(board, first, last)
  if not events then
    return
  end
  local state = read_marks(totals, now, window)
  local from, to = state.from, state.to
  local is_current = state.is_new or state.generation == current
  local sums, outside, newest = {}, false, 0
  for i = begins, ends, 2 do
    local at, member = tonumber(events[i]), events[i + 1]
    newest = math.max(newest, at)
    tell(user, events[i], member)
    -- What lies beyond `to` waits there, and is summed with others when the mark passes it.
    local waits = at > to.at or not has_passed(board, to, at, member)
    if not waits and has_passed(board, from, at, member) then
      outside = true
      passed_over = math.max(passed_over, at)
    else
      local currency, amount = read_member(member)
      if not waits then
        sum_up(sums, currency, amount, 1)
      end
      if is_current then
        count_minute(at, currency, amount)
      end
      accepted = accepted + 1
    end
  end
  write_sums(totals, sums)
  if state.is_new then
    write_marks(totals, state)
    redis.call('HSET', totals, 'generation', current)
  end
  if outside then
    sweep(board, state.from, latest)
  end
  if now - state.moved >= MINUTE and not is_behind_marks(state, now, window) then
    move_on(user, board, totals, state, newest)
  end
end

-- A board that holds something else by now must not hold up the others: SQL answers for it.
local function apply_or_mark(user, board, totals, first, last)
  local done, err = pcall(apply, user, board, totals, first, last)
  if not done then
    err = type(err) == 'table' and err.err or err
    if not string.find(err, 'WRONGTYPE', 1, true) then
      error(err)
    end
    redis.pcall('HSET', totals, 'sql', err)
  end
end

local key, i = 5, 7
while i < #ARGV do
  local last = i + 1 + 2 * tonumber(ARGV[i + 1])
  apply_or_mark(ARGV[i], KEYS[key], KEYS[key + 1], i + 2, last)
  key, i = key + 2, last + 1
end
for currency, by_minute in pairs(minutes) do
  for minute, count in pairs(by_minute.counts) do
    local field = text(minute) .. ':' .. currency
    redis.call('HINCRBY', KEYS[2], field .. ':count', text(count))
    local done = redis.pcall('HINCRBY', KEYS[2], field .. ':sum', text(by_minute.sums[minute]))
    if type(done) == 'table' and done.err then
      redis.call('HSET', KEYS[2], 'sql', done.err)
    end
  end
end
-- No minute counts these: should the clock be set back, windows that reach back to them are answered by SQL.
if passed_over > 0 then
  complete_from(KEYS[2], passed_over)
end
if told_count > 0 then
  local oldest = text(math.floor(now / 1000) - tonumber(ARGV[4]))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', 'untold', text(untold), unpack(told))
  redis.call('XTRIM', KEYS[3], 'MINID', '~', oldest)
end
return accepted
