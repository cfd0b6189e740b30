-- Take units of a counted offer: all that are asked for or none, the lowest that were given back first.
-- KEYS    1 to 12 as in claiming   13 free
-- ARGV    as in claiming
-- Returns as in claiming
local function pick(offer, quantity)
  local next_unit, picked, units = tonumber(offer.next_unit), {}, {}
  -- Units below next_unit are live or were given back: mostly there are none of these.
  if offer.live < next_unit - 1 or next_unit + quantity - 1 > offer.total then
    units = redis.call('ZRANGEBYSCORE', KEYS[13], 1, text(offer.total), 'LIMIT', 0, quantity)
  end
  if #units > 0 then
    redis.call('ZREM', KEYS[13], unpack(units))
    local revisions = redis.call('HMGET', KEYS[11], unpack(units))
    for i, unit in ipairs(units) do
      picked[i] = '[' .. unit .. ',' .. text((revisions[i] or 0) + 1) .. ']'
    end
  end
  for i = #picked + 1, quantity do
    picked[i] = '[' .. text(next_unit) .. ',1]'
    next_unit = next_unit + 1
  end
  offer.next_unit = text(next_unit)
  return '[' .. table.concat(picked, ',') .. ']'
end

local offer, attempts = begin_claim()
if not offer then
  return attempts
end
local now, quantity = time_us(), tonumber(ARGV[7])
local reason = refusal_of(offer, now, owned_by(offer, KEYS[5], ARGV[6]), quantity, offer.remaining)
if reason then
  return refuse(offer, attempts, now, reason)
end
return grant(offer, attempts, now, pick(offer, quantity), 'CouponTaken', 'StockHeld')
