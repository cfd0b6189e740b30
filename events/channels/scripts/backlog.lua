-- What a group has still to store.
-- KEYS    1 log
-- ARGV    1 group
-- Returns {entries never delivered, entries pending, the oldest id of both or '', seconds and µs of the clock}
local clock = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {0, 0, '', clock[1], clock[2]}
end
local last, lag
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do
    group[flat[i]] = flat[i + 1]
  end
  if group['name'] == ARGV[1] then
    last, lag = group['last-delivered-id'], group['lag']
  end
end
if not last then
  last = '0-0'
end
local next_entry = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1)[1]
local undelivered = 0
if next_entry then
  -- The server forgets the lag where entries were deleted by hand; the log's length is its upper bound.
  undelivered = lag or redis.call('XLEN', KEYS[1])
end
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
if pending.err then
  pending = {0}
end
local oldest = pending[2] or (next_entry and next_entry[1]) or ''
return {undelivered, pending[1], oldest, clock[1], clock[2]}
