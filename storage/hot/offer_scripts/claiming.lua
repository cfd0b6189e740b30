-- Shared by the scripts by which a user asks for units: take and hold_seats. Both are handed
-- KEYS    1 ready   2 log   3 offer   4 claims   5 owners   6 attempts   7 history   8 mine   9 refusal   10 holds
--         11 units   12 rate
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 user   7 quantity   8 claim id
--         9 fingerprint   10 event id   11 '1' where refusals are journaled   12 '1' where the user sent a key
--         13 zone or ''   14 row or ''   15 most claims a window, '' without a limit   16 that window, ms
-- and both return {'ok', packed claim, remaining, '1' where this was answered before else '0'},
--         {'refused', reason, remaining, as above}, {'too many', ms until the next},
--         {'reused'}: the key came with another request, {'round'}: the offer has another one,
--         {'unknown'}: no such offer, {'untrusted'} or {'backlogged'}
local REMEMBERED_S = 600

-- The answer that this very request, or its key, got before.
local function earlier_answer(offer, attempts)
  local packed = redis.call('HGET', KEYS[4], ARGV[8])
  if packed then
    if unpack_claim(packed).fingerprint ~= ARGV[9] then
      return {'reused'}
    end
    return {'ok', packed, text(offer.remaining), '1'}
  end
  local refused = ARGV[12] == '1' and redis.call('GET', KEYS[9])
  if refused then
    local fingerprint, reason, remaining = string.match(refused, '^(%x*)|([%a_]+)|(%d+)$')
    if fingerprint ~= ARGV[9] then
      return {'reused'}
    end
    return {'refused', reason, remaining, '1'}
  end
  if attempts.event_id == ARGV[10] then
    return {'refused', attempts.reason, attempts.remaining, '1'}
  end
  return nil
end

-- What whoever claims too often is answered; else nil, and the claim counts.
local function too_many()
  if ARGV[15] == '' then
    return nil
  end
  local too_early_ms = wait_ms(KEYS[12], ARGV[15])
  if too_early_ms then
    return {'too many', too_early_ms}
  end
  count_one(KEYS[12], ARGV[16])
  return nil
end

-- The offer and the user's attempts; or nil and what is to be answered at once.
local function begin_claim()
  local offer, refused = offer_in_round()
  if not offer then
    return nil, refused
  end
  local attempts = read_attempts(KEYS[6])
  local answer = earlier_answer(offer, attempts)
  if not answer then
    answer = is_backlogged() and {'backlogged'} or too_many()
  end
  if answer then
    return nil, answer
  end
  return offer, attempts
end

local function refuse(offer, attempts, now, reason)
  local remaining = text(offer.remaining)
  local has_key = ARGV[12] == '1'
  if has_key then
    redis.call('SET', KEYS[9], ARGV[9] .. '|' .. reason .. '|' .. remaining, 'EX', REMEMBERED_S)
  end
  count_refusal({offer = KEYS[3], attempts = KEYS[6], history = KEYS[7]}, attempts, {
    event_id = ARGV[10], at = text(now), offer_id = ARGV[4], round = ARGV[5], user = ARGV[6], quantity = ARGV[7],
    reason = reason, remaining = remaining, claim_id = has_key and ARGV[8], is_journaled = ARGV[11] == '1',
  })
  return {'refused', reason, remaining, '0'}
end

-- Gives `units` (as JSON) to the user: for good as an event of type `taken`, or, where the offer has a hold time,
-- until its end as one of type `held`.
local function grant(offer, attempts, now, units, taken, held)
  local is_held, at = offer.hold_seconds > 0, text(now)
  local deadline = is_held and text(now + offer.hold_seconds * 1000000) or ''
  local claim = {
    status = is_held and 'held' or 'taken', revision = '1', user = ARGV[6], quantity = ARGV[7], made = at,
    changed = at, held_until = deadline, price = offer.price, currency = offer.currency, zone = ARGV[13],
    row = ARGV[14], fingerprint = ARGV[9], units = units,
  }
  local packed = pack_claim(claim)
  offer.claims = text(offer.claims + 1)
  move_stock(KEYS[3], offer, tonumber(ARGV[7]))
  redis.call('HSET', KEYS[4], ARGV[8], packed)
  redis.call('HINCRBY', KEYS[5], ARGV[6], ARGV[7])
  count_success(KEYS[6], attempts, at)
  redis.call('ZADD', KEYS[8], at, ARGV[8])
  if is_held then
    redis.call('ZADD', KEYS[10], deadline, ARGV[8])
  end
  journal_claim(is_held and held or taken, ARGV[10], ARGV[8], claim, ARGV[4], offer, KEYS[7])
  return {'ok', packed, text(offer.remaining), '0'}
end
