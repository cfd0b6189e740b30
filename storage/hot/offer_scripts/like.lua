-- Count a like. Sent again, it answers the same and counts nothing.
-- KEYS    1 ready   2 log   3 likes   4 liked   5 liked offers   6 rate   7 history
-- ARGV    1 run   2 settings   3 most entries in the log   4 user   5 offer id   6 event id   7 most likes a window
--         8 that window, ms   9 how many are at the top
-- Returns {'ok', count, when, '1' where the user is among the top else '0'}, {'too many', ms until the next},
--         {'untrusted'} or {'backlogged'}
--
-- A member of `likes` is the time left until 10^16 µs, and the user: among equal counts, whoever reached theirs
-- first has the greater member, and so the higher rank.

-- Whoever sends one again does so within seconds.
local LOOKED_AT = 20

local function member(user, at)
  return string.format('%016.0f', 1e16 - at) .. user
end

local function count_of(key, field)
  local found = redis.call('HGET', key, field)
  if not found then
    return 0
  end
  local count, at = string.match(found, '^(%d+)|(%d+)$')
  return tonumber(count), tonumber(at)
end

-- The answer that this very like got before, by the user's latest events: they are there after a restore, too.
local function earlier_answer(history, event_id)
  for _, summary in ipairs(redis.call('LRANGE', history, 0, LOOKED_AT - 1)) do
    local id, at, count, is_top = string.match(summary, '^([^|]*)|OfferLiked|(%d+)|[^|]*|(%d+)|(%d)$')
    if id == event_id then
      return {'ok', count, at, is_top}
    end
  end
  return nil
end

if is_untrusted() then
  return {'untrusted'}
end
local user, offer_id, event_id = ARGV[4], ARGV[5], ARGV[6]
local earlier = earlier_answer(KEYS[7], event_id)
if earlier then
  return earlier
elseif is_backlogged() then
  return {'backlogged'}
end
local too_early_ms = wait_ms(KEYS[6], ARGV[7])
if too_early_ms then
  return {'too many', too_early_ms}
end
count_one(KEYS[6], ARGV[8])
local now = time_us()
local count, last = count_of(KEYS[4], user)
if last then
  redis.call('ZREM', KEYS[3], member(user, last))
end
count = count + 1
redis.call('ZADD', KEYS[3], text(count), member(user, now))
local is_top = redis.call('ZREVRANK', KEYS[3], member(user, now)) < tonumber(ARGV[9])
redis.call('HSET', KEYS[4], user, text(count) .. '|' .. text(now))
redis.call('HSET', KEYS[5], offer_id, text(count_of(KEYS[5], offer_id) + 1) .. '|' .. text(now))
journal('likes', '{"type":"OfferLiked","event_id":"' .. event_id .. '","user_id":"' .. user .. '","at_us":' ..
  text(now) .. ',"offer_id":"' .. offer_id .. '","number":' .. text(count) .. ',"is_top_like":' ..
  (is_top and 'true' or 'false') .. '}')
remember(KEYS[7], event_id .. '|OfferLiked|' .. text(now) .. '|' .. offer_id .. '|' .. text(count) .. '|' ..
  (is_top and '1' or '0'))
return {'ok', text(count), text(now), is_top and '1' or '0'}
