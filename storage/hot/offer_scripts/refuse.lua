-- Refuse many requests for one offer at once, as take and hold_seats would; whoever could get something after all
-- is told to go there. Sent again, it answers the same and counts nothing.
-- KEYS    1 ready   2 log   3 offer   4 owners   5 this batch's answers   then attempts, history and rate for each
--         request
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 '1' where refusals are journaled
--         7 most claims a window, '' without a limit   8 that window, ms
--         then for each request: user, quantity, event id
-- Returns {'ok', remaining, for each request a reason, '' or, where it came too early, the ms until the next},
--         {'round'}, {'unknown'}, {'untrusted'} or {'backlogged'}
local REMEMBERED_S = 60

local function answer_to(offer, now, at, i, keys)
  local is_limited = ARGV[7] ~= ''
  local too_early_ms = is_limited and wait_ms(keys.rate, ARGV[7])
  if too_early_ms then
    return text(too_early_ms)
  end
  local user, quantity = ARGV[i], ARGV[i + 1]
  local reason = refusal_of(offer, now, owned_by(offer, KEYS[4], user), tonumber(quantity), math.huge)
  if reason then
    if is_limited then
      count_one(keys.rate, ARGV[8])
    end
    local attempts = read_attempts(keys.attempts)
    count_refusal(keys, attempts, {
      event_id = ARGV[i + 2], at = at, offer_id = ARGV[4], round = ARGV[5], user = user, quantity = quantity,
      reason = reason, remaining = text(offer.remaining), is_journaled = ARGV[6] == '1',
    })
  end
  return reason or ''
end

local offer, refused = offer_in_round()
if not offer then
  return refused
end
local answers = {'ok', text(offer.remaining)}
local earlier = redis.call('GET', KEYS[5])
if earlier then
  for reason in string.gmatch(earlier, '([^|]*)|') do
    answers[#answers + 1] = reason
  end
  return answers
end
if is_backlogged() then
  return {'backlogged'}
end
local now, key = time_us(), 6
local at = text(now)
for i = 9, #ARGV, 3 do
  local keys = {offer = KEYS[3], attempts = KEYS[key], history = KEYS[key + 1], rate = KEYS[key + 2]}
  answers[#answers + 1] = answer_to(offer, now, at, i, keys)
  key = key + 3
end
redis.call('SET', KEYS[5], table.concat(answers, '|', 3) .. '|', 'EX', REMEMBERED_S)
return answers
