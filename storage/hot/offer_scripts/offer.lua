-- Shared by the scripts that ask or change how an offer's stock stands.
--
-- An offer's hash holds the whole offer as JSON in `snapshot`, what scripts must know of its terms packed in `terms`
-- (a field less is a microsecond less), and the stock of its round: `live` is the number of units in live claims and
-- `remaining` = max(0, total - live).
-- Of a counted offer the units from `next_unit` on were never sold; each below it is in a live claim or lies in
-- the sorted set `free`. Where the total was lowered, units above it lie there too and are not for sale.
-- Of a show `made` of `seats` stand; it sells when all of them do. Of counted offers `seats` is 0.
local TERMS = '^(%d+)|(%d+)|(%d+)|(%d*)|(%d*)|(%d+)|(%d+)|(%d+)|(%a+)$'

local function read_offer(key)
  local found = redis.call('HMGET', key, 'terms', 'live', 'stock_revision', 'next_unit', 'made', 'claims')
  if not found[1] then
    return nil
  end
  local offer = {stock_revision = found[3], next_unit = found[4], made = found[5], claims = found[6]}
  local total, limit, hold
  offer.round, total, offer.seats, offer.opens, offer.closes, limit, hold, offer.price, offer.currency =
    string.match(found[1], TERMS)
  offer.total, offer.live = tonumber(total), tonumber(found[2])
  offer.remaining = math.max(0, offer.total - offer.live)
  offer.limit, offer.hold_seconds = tonumber(limit), tonumber(hold)
  return offer
end

-- Writes how the stock stands when `live` units are in live claims.
local function set_live(key, offer, live)
  offer.live = live
  offer.remaining = math.max(0, offer.total - live)
  redis.call('HSET', key, 'live', text(live), 'remaining', text(offer.remaining),
    'stock_revision', offer.stock_revision, 'next_unit', offer.next_unit, 'claims', offer.claims)
end

-- Writes how the stock stands after `change` more units went into live claims (less than 0: came out of them).
-- Returns whether more is for sale than before.
local function move_stock(key, offer, change)
  local before = offer.remaining
  offer.stock_revision = text(offer.stock_revision + 1)
  set_live(key, offer, offer.live + change)
  return offer.remaining > before
end

local function is_open(offer, now)
  return offer.made == offer.seats and (offer.opens == '' or now >= tonumber(offer.opens)) and
    (offer.closes == '' or now < tonumber(offer.closes))
end

-- Why a user whose live claims hold `owned` units gets no `quantity` more where `left` are for sale; nil where
-- nothing is against it.
local function refusal_of(offer, now, owned, quantity, left)
  if not is_open(offer, now) then
    return 'not_open'
  elseif offer.limit > 0 and owned + quantity > offer.limit then
    return 'limit_reached'
  elseif offer.remaining == 0 then
    return 'sold_out'
  elseif left < quantity then
    return 'not_enough'
  end
  return nil
end

-- How many units of an offer a user owns; asked only where there is a limit.
local function owned_by(offer, owners, user)
  return offer.limit > 0 and tonumber(redis.call('HGET', owners, user) or 0) or 0
end

-- Says how much stock there is.
local function journal_count(offer, offer_id, event_id, now)
  journal('offers', '{"type":"StockCounted","event_id":"' .. event_id .. '","at_us":' .. text(now) ..
    ',"offer_id":"' .. offer_id .. '","round":' .. offer.round .. ',"remaining_stock":' .. text(offer.remaining) ..
    ',"stock_revision":' .. offer.stock_revision .. '}')
end
