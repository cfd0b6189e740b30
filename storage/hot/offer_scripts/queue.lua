-- Shared by the scripts that change who waits for an offer.
local function journal_waiting(event_type, event_id, now, offer_id, round, user, joined, revision)
  journal('waiting', '{"type":"' .. event_type .. '","event_id":"' .. event_id .. '","at_us":' .. text(now) ..
    ',"offer_id":"' .. offer_id .. '","round":' .. round .. ',"user_id":"' .. user ..
    '","joined_at_us":' .. joined .. ',"revision":' .. text(revision) .. '}')
end
