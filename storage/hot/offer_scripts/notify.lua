-- Tell those who wait that there is stock. Whoever is told has a turn: until it ends, or somebody claims instead of
-- them, a unit counts as spoken for and nobody else is told of it. Whoever left meanwhile is passed over, so that the
-- same call again tells nobody twice.
-- KEYS    1 ready   2 log   3 offer   4 waiting   5 waited   6 queues
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round   6 microseconds of a turn   then for
--         each user, the first to be told first: user, when they joined, event id
-- Returns {'ok', how many were told}, {'untrusted'} or {'backlogged'}

-- Whose turn it is stands in the offer's `turns`: round, how many claims there were, how many were told, when it ends.
local function spoken_for(key, offer, now)
  local round, claims, told, ends = string.match(redis.call('HGET', key, 'turns') or '', '^(%d+)|(%d+)|(%d+)|(%d+)$')
  if round ~= offer.round or now >= tonumber(ends) then
    return 0
  end
  return math.max(0, told - (offer.claims - claims))
end

if is_untrusted() then
  return {'untrusted'}
elseif is_backlogged() then
  return {'backlogged'}
end
local offer, now, told = read_offer(KEYS[3]), time_us(), 0
if not offer or offer.round ~= ARGV[5] or not is_open(offer, now) then
  return {'ok', 0}
end
local spoken = spoken_for(KEYS[3], offer, now)
for i = 7, #ARGV, 3 do
  local user, joined = ARGV[i], redis.call('ZSCORE', KEYS[4], ARGV[i])
  if spoken + told < offer.remaining and joined and text(joined) == ARGV[i + 1] then
    redis.call('ZREM', KEYS[4], user)
    journal_waiting('WaitingNotified', ARGV[i + 2], now, user, ARGV[i + 1])
    told = told + 1
  end
end
if told > 0 then
  local turns = {offer.round, offer.claims, text(spoken + told), text(now + ARGV[6])}
  redis.call('HSET', KEYS[3], 'turns', table.concat(turns, '|'))
end
close_if_empty()
return {'ok', told}
