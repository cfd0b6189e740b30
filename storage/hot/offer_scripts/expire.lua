-- Expire those of the given holds of one offer's round whose deadline has passed.
-- KEYS    1 to 7 and places as in settling   then the history of each claim's user
-- ARGV    1 to 6 and places as in settling   then for each claim: claim id, event id
-- Returns {'ok', how many expired}, {'untrusted'} or {'backlogged'}
if is_untrusted() then
  return {'untrusted'}
elseif is_backlogged() then
  return {'backlogged'}
end
local offer, now, expired, has_more = read_offer(KEYS[3]), time_us(), 0, false
-- A hold of an earlier round ended with it.
local is_current = offer and offer.round == ARGV[5]
local history = NEXT_KEY
for i = NEXT_ARGUMENT, #ARGV, 2 do
  local claim_id = ARGV[i]
  local packed = is_current and redis.call('HGET', KEYS[4], claim_id)
  local claim = packed and unpack_claim(packed)
  if not claim or claim.status ~= 'held' then
    redis.call('ZREM', KEYS[7], claim_id)
  elseif tonumber(claim.held_until) <= now then
    local _, more = end_claim(claim_id, claim, offer, now, 'expired', 'HoldExpired', ARGV[i + 1], KEYS[history])
    has_more = has_more or more
    expired = expired + 1
  end
  history = history + 1
end
if has_more then
  redis.call('PUBLISH', 'restocked', ARGV[4])
end
return {'ok', expired}
