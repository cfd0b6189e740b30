-- Shared by the scripts by which users ask for something, and may have to be told no.
--
-- A user's attempts are one text: total|successful|failed|when|the last refusal's event id|its reason|what remained.
local ATTEMPTS = '^(%d+)|(%d+)|(%d+)|%d+|([^|]*)|([%a_]*)|(%d*)$'

local function read_attempts(key)
  local found = redis.call('GET', key)
  if not found then
    return {total = 0, successful = 0, failed = 0}
  end
  local attempts = {}
  attempts.total, attempts.successful, attempts.failed, attempts.event_id, attempts.reason, attempts.remaining =
    string.match(found, ATTEMPTS)
  return attempts
end

-- Counts a refusal with its user, with its offer and, where refusals are journaled, in the log.
local function count_refusal(keys, attempts, refusal)
  redis.call('HINCRBY', keys.offer, 'refused', 1)
  redis.call('SET', keys.attempts, text(attempts.total + 1) .. '|' .. attempts.successful .. '|' ..
    text(attempts.failed + 1) .. '|' .. refusal.at .. '|' .. refusal.event_id .. '|' .. refusal.reason .. '|' ..
    refusal.remaining)
  if not refusal.is_journaled then
    return
  end
  local claim_id = refusal.claim_id
  journal('coupons', '{"type":"CouponRefused","event_id":"' .. refusal.event_id .. '","at_us":' .. refusal.at ..
    ',"offer_id":"' .. refusal.offer_id .. '","round":' .. refusal.round .. ',"user_id":"' .. refusal.user ..
    '","quantity":' .. refusal.quantity .. ',"reason":"' .. refusal.reason .. '","remaining_stock":' ..
    refusal.remaining .. ',"claim_id":' .. (claim_id and '"' .. claim_id .. '"}' or 'null}'))
  remember_claim(keys.history, 'CouponRefused', refusal.event_id, refusal.at, refusal.offer_id, refusal.round,
    claim_id or '', refusal.reason, refusal.quantity, refusal.remaining)
end

local function count_success(key, attempts, at)
  redis.call('SET', key, text(attempts.total + 1) .. '|' .. text(attempts.successful + 1) .. '|' ..
    attempts.failed .. '|' .. at .. '|||')
end
