-- Shared by the scripts that end a live claim: expire, give_back and revoke. All are handed
-- KEYS    1 ready   2 log   3 offer   4 claims   5 owners   6 units   7 holds
--         8.. where freed units go, in the order of the units: `free`, or a show's zones
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 how many such places
--         7.. the last unit of each place
local FIRST_PLACE = 8
local PLACES = tonumber(ARGV[6])
-- Behind the places.
local NEXT_KEY, NEXT_ARGUMENT = FIRST_PLACE + PLACES, 7 + PLACES

local function place_of(unit)
  local place = 1
  while place < PLACES and unit > tonumber(ARGV[6 + place]) do
    place = place + 1
  end
  return place
end

-- Frees a claim's units, or where `chosen` is given only those in it: each under a revision above the claim's own.
local function free_units(claim, chosen)
  local units, freed, placed = {}, {}, {}
  for unit, revision in string.gmatch(claim.units, '%[(%d+),(%d+)%]') do
    if not chosen or chosen[unit] then
      revision = text(revision + 1)
      freed[#freed + 1], freed[#freed + 2] = unit, revision
      local place = place_of(tonumber(unit))
      placed[place] = placed[place] or {}
      table.insert(placed[place], unit)
      table.insert(placed[place], unit)
    end
    units[#units + 1] = '[' .. unit .. ',' .. revision .. ']'
  end
  if #freed > 0 then
    redis.call('HSET', KEYS[6], unpack(freed))
  end
  for place, members in pairs(placed) do
    redis.call('ZADD', KEYS[FIRST_PLACE + place - 1], unpack(members))
  end
  claim.units = '[' .. table.concat(units, ',') .. ']'
end

-- Ends a live claim as `status`, told by an event of `event_type`. Returns it packed.
local function end_claim(claim_id, claim, offer, now, status, event_type, event_id, history, chosen)
  free_units(claim, chosen)
  claim.status, claim.revision, claim.changed = status, text(claim.revision + 1), text(now)
  local packed = pack_claim(claim)
  redis.call('HSET', KEYS[4], claim_id, packed)
  redis.call('ZREM', KEYS[7], claim_id)
  if redis.call('HINCRBY', KEYS[5], claim.user, '-' .. claim.quantity) <= 0 then
    redis.call('HDEL', KEYS[5], claim.user)
  end
  local has_more = move_stock(KEYS[3], offer, -tonumber(claim.quantity))
  journal_claim(event_type, event_id, claim_id, claim, ARGV[4], offer, history)
  return packed, has_more
end

local LIVE = {taken = true, held = true, confirmed = true}

-- The offer and a claim that may be ended; or nil and what is to be answered.
local function begin_ending(claim_id)
  if is_untrusted() then
    return nil, {'untrusted'}
  end
  local offer = read_offer(KEYS[3])
  local packed = offer and redis.call('HGET', KEYS[4], claim_id)
  if not packed then
    return nil, {'unknown'}
  end
  local claim = unpack_claim(packed)
  if not LIVE[claim.status] then
    return nil, {'over', packed, claim.status}
  elseif offer.round ~= ARGV[5] then
    return nil, {'over', packed, 'round'}
  elseif is_backlogged() then
    return nil, {'backlogged'}
  end
  return offer, claim
end
