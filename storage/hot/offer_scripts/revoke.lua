-- Take a live claim from its user because another had its units first. Only the units named are for sale again;
-- the others keep their revision, so that nothing is said about whose they are.
-- KEYS    1 to 7 and places as in settling   then history
-- ARGV    1 to 6 and places as in settling   then claim id, event id, the units to free
-- Returns as give_back
local claim_id, event_id = ARGV[NEXT_ARGUMENT], ARGV[NEXT_ARGUMENT + 1]
local offer, claim = begin_ending(claim_id)
if not offer then
  return claim
end
local chosen = {}
for i = NEXT_ARGUMENT + 2, #ARGV do
  chosen[ARGV[i]] = true
end
local packed, has_more =
  end_claim(claim_id, claim, offer, time_us(), 'revoked', 'ClaimRevoked', event_id, KEYS[NEXT_KEY], chosen)
if has_more then
  redis.call('PUBLISH', 'restocked', ARGV[4])
end
return {'ok', packed}
