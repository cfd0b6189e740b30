-- Give a live claim back: its units are for sale again.
-- KEYS    1 to 7 and places as in settling   then history
-- ARGV    1 to 6 and places as in settling   then claim id, event id
-- Returns {'ok', packed claim}, {'over', packed claim, its status or 'round'}, {'unknown'}, {'untrusted'} or
--         {'backlogged'}
local claim_id, event_id = ARGV[NEXT_ARGUMENT], ARGV[NEXT_ARGUMENT + 1]
local offer, claim = begin_ending(claim_id)
if not offer then
  return claim
end
local packed, has_more =
  end_claim(claim_id, claim, offer, time_us(), 'returned', 'ClaimReturned', event_id, KEYS[NEXT_KEY])
if has_more then
  redis.call('PUBLISH', 'restocked', ARGV[4])
end
return {'ok', packed}
