-- Confirm a hold before its deadline: it becomes an order. What is one already stays one.
-- KEYS    1 ready   2 log   3 offer   4 claims   5 holds   6 history
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 claim id   7 event id
-- Returns {'ok', packed claim}, {'over', packed claim, its status, 'expired' or 'round'}, {'unknown'}, {'untrusted'}
--         or {'backlogged'}
if is_untrusted() then
  return {'untrusted'}
end
local offer = read_offer(KEYS[3])
local packed = offer and redis.call('HGET', KEYS[4], ARGV[6])
if not packed then
  return {'unknown'}
end
local claim, now = unpack_claim(packed), time_us()
if claim.status == 'confirmed' or claim.status == 'taken' then
  return {'ok', packed}
elseif claim.status ~= 'held' then
  return {'over', packed, claim.status}
elseif offer.round ~= ARGV[5] then
  return {'over', packed, 'round'}
elseif now >= tonumber(claim.held_until) then
  return {'over', packed, 'expired'}
elseif is_backlogged() then
  return {'backlogged'}
end
claim.status, claim.revision, claim.changed = 'confirmed', text(claim.revision + 1), text(now)
packed = pack_claim(claim)
redis.call('HSET', KEYS[4], ARGV[6], packed)
redis.call('ZREM', KEYS[5], ARGV[6])
journal_claim('HoldConfirmed', ARGV[7], ARGV[6], claim, ARGV[4], offer, KEYS[6])
return {'ok', packed}
