-- Hold seats of a show: all that are asked for or none; next to each other in one row where that can be found,
-- else the lowest that are free.
-- KEYS    1 to 12 as in claiming   13.. a zone's free seats, for each zone asked for
-- ARGV    1 to 16 as in claiming   then for each of those zones: its first unit, the first and the last unit to
--         choose from, and its seats a row
-- Returns as in claiming
--
-- So many free seats are looked at for a block: a crowded hall costs a bounded time.
local MOST_SEEN = 4000

local zones = {}
for i = 17, #ARGV, 4 do
  zones[#zones + 1] = {
    key = KEYS[13 + #zones], start = tonumber(ARGV[i]), first = tonumber(ARGV[i + 1]), last = ARGV[i + 2],
    seats_a_row = tonumber(ARGV[i + 3]),
  }
end

local function left_in(zone)
  return redis.call('ZCOUNT', zone.key, text(zone.first), zone.last)
end

-- The first `quantity` free seats of a zone that lie next to each other in one row, or nil; and how many were seen.
local function block_in(zone, quantity, most)
  local run, seen, from, chunk = {}, 0, zone.first, 2 * quantity + 8
  while seen < most do
    local units = redis.call('ZRANGEBYSCORE', zone.key, text(from), zone.last, 'LIMIT', 0, chunk)
    for _, unit in ipairs(units) do
      local number = tonumber(unit)
      if number ~= from or (number - zone.start) % zone.seats_a_row == 0 then
        run = {}
      end
      run[#run + 1] = unit
      from = number + 1
      if #run == quantity then
        return run, seen
      end
    end
    seen = seen + #units
    if #units < chunk then
      return nil, seen
    end
    chunk = 500
  end
  return nil, seen
end

local function block(quantity)
  local seen = 0
  for _, zone in ipairs(zones) do
    local run, more = block_in(zone, quantity, MOST_SEEN - seen)
    if run then
      redis.call('ZREM', zone.key, unpack(run))
      return run
    end
    seen = seen + more
  end
  return nil
end

local function lowest(quantity)
  local picked = {}
  for _, zone in ipairs(zones) do
    local units = redis.call('ZRANGEBYSCORE', zone.key, text(zone.first), zone.last, 'LIMIT', 0, quantity - #picked)
    if #units > 0 then
      redis.call('ZREM', zone.key, unpack(units))
      for _, unit in ipairs(units) do
        picked[#picked + 1] = unit
      end
    end
    if #picked == quantity then
      break
    end
  end
  return picked
end

local function pick(quantity)
  local units = quantity > 1 and block(quantity) or lowest(quantity)
  local revisions = redis.call('HMGET', KEYS[11], unpack(units))
  for i, unit in ipairs(units) do
    units[i] = '[' .. unit .. ',' .. text((revisions[i] or 0) + 1) .. ']'
  end
  return '[' .. table.concat(units, ',') .. ']'
end

local offer, attempts = begin_claim()
if not offer then
  return attempts
end
local now, quantity, left = time_us(), tonumber(ARGV[7]), offer.remaining
if ARGV[13] ~= '' then
  left = left_in(zones[1])
end
local reason = refusal_of(offer, now, owned_by(offer, KEYS[5], ARGV[6]), quantity, left)
if reason then
  return refuse(offer, attempts, now, reason)
end
return grant(offer, attempts, now, pick(quantity), 'SeatsHeld', 'SeatsHeld')
