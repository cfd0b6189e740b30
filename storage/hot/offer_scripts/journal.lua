-- Shared by the scripts that say what happened: into the log, on the channel, and to the user. Strings that stand
-- in JSON here keep to letters, digits and .-_@:+ and need no escaping.
local KEPT, TRIMMED_AT = 100, 120

local function journal(channel, payload)
  redis.call('XADD', KEYS[2], '*', 'json', payload)
  redis.call('PUBLISH', channel, payload)
end

local function remember(history, summary)
  if redis.call('LPUSH', history, summary) >= TRIMMED_AT then
    redis.call('LTRIM', history, 0, KEPT - 1)
  end
end

-- Puts on top of a user's history what a row of the table coupon_events says, with bars between.
local function remember_claim(history, event_type, event_id, at, offer_id, round, claim_id, reason, quantity, remaining)
  remember(history, event_id .. '|' .. event_type .. '|' .. at .. '|' .. offer_id .. '|' .. round .. '|' ..
    claim_id .. '|' .. reason .. '|' .. quantity .. '|' .. remaining)
end
