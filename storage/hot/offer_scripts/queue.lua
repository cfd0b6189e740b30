-- Shared by the scripts that change who waits for an offer: join, leave and notify. All are handed
-- KEYS    1 ready   2 log   3 offer   4 waiting   5 waited   6 queues
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round

-- Says how a user's waiting stands now, under the next revision of it.
local function journal_waiting(event_type, event_id, now, user, joined)
  local revision = redis.call('HINCRBY', KEYS[5], user, 1)
  journal('waiting', '{"type":"' .. event_type .. '","event_id":"' .. event_id .. '","at_us":' .. text(now) ..
    ',"offer_id":"' .. ARGV[4] .. '","round":' .. ARGV[5] .. ',"user_id":"' .. user ..
    '","joined_at_us":' .. joined .. ',"revision":' .. text(revision) .. '}')
end

-- An offer that nobody waits for any more is no queue to be served.
local function close_if_empty()
  if redis.call('EXISTS', KEYS[4]) == 0 then
    redis.call('SREM', KEYS[6], ARGV[4])
  end
end
