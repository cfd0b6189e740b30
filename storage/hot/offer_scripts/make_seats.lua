-- Make the next seats of a show, all in one zone, if nobody else has made them since it was asked which are next.
-- KEYS    1 ready   2 log   3 offer   4 the zone's free seats   5 making
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 how many stood   7 zone
--         then for each part of a row: event id, row, number of its first seat, its first unit, its last unit
-- Returns {'ok', how many stand}, {'moved'}: ask again, {'untrusted'} or {'backlogged'}
local function make(first, last)
  while first <= last do
    local units = {}
    for unit = first, math.min(last, first + 999) do
      local number = text(unit)
      units[#units + 1] = number
      units[#units + 1] = number
    end
    redis.call('ZADD', KEYS[4], unpack(units))
    first = first + 1000
  end
end

if is_untrusted() then
  return {'untrusted'}
end
local offer = read_offer(KEYS[3])
if not offer or offer.round ~= ARGV[5] or offer.made ~= ARGV[6] then
  return {'moved'}
elseif is_backlogged() then
  return {'backlogged'}
end
local now, last = text(time_us()), ARGV[#ARGV]
make(tonumber(ARGV[6]) + 1, tonumber(last))
for i = 8, #ARGV, 5 do
  journal('offers', '{"type":"SeatsMade","event_id":"' .. ARGV[i] .. '","at_us":' .. now ..
    ',"offer_id":"' .. ARGV[4] .. '","round":' .. ARGV[5] .. ',"zone":"' .. ARGV[7] .. '","row":' .. ARGV[i + 1] ..
    ',"first_number":' .. ARGV[i + 2] .. ',"first_unit":' .. ARGV[i + 3] .. ',"last_unit":' .. ARGV[i + 4] .. '}')
end
redis.call('HSET', KEYS[3], 'made', last)
if last == offer.seats then
  redis.call('SREM', KEYS[5], ARGV[4])
  redis.call('PUBLISH', 'restocked', ARGV[4])
end
return {'ok', last}
