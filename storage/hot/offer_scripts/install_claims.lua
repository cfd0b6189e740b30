-- Put claims of one round of an offer in place; what stands already is left as it is. Those of an earlier round
-- own nothing any more and stay readable for a day.
-- KEYS    1 ready   2 token   3 offer   4 claims   5 owners   6 holds   then for each claim its user's claims
-- ARGV    1 token   2 round   then for each claim: claim id, packed claim
-- Returns how many were new, or 'overtaken'
local READABLE_S = 86400
local LIVE = {taken = true, held = true, confirmed = true}
if is_overtaken() then
  return 'overtaken'
end
local offer, installed, live = read_offer(KEYS[3]), 0, 0
local is_current = offer and offer.round == ARGV[2]
local mine = 7
for i = 3, #ARGV, 2 do
  local claim = unpack_claim(ARGV[i + 1])
  if redis.call('HSETNX', KEYS[4], ARGV[i], ARGV[i + 1]) == 1 then
    installed = installed + 1
    if is_current and LIVE[claim.status] then
      live = live + tonumber(claim.quantity)
      redis.call('HINCRBY', KEYS[5], claim.user, claim.quantity)
    end
    if is_current and claim.status == 'held' then
      redis.call('ZADD', KEYS[6], claim.held_until, ARGV[i])
    end
  end
  redis.call('ZADD', KEYS[mine], claim.made, ARGV[i])
  mine = mine + 1
end
if is_current then
  offer.claims = text(offer.claims + installed)
  set_live(KEYS[3], offer, offer.live + live)
else
  redis.call('EXPIRE', KEYS[4], READABLE_S)
end
return installed
