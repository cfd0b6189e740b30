-- Drop the entries that every group has acknowledged. Read and trimmed in one step: between two, an entry
-- could be given out that the first step took for done.
-- KEYS    1 log
-- Returns how many entries were dropped
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function before(a, b)
  local a_ms, a_seq = parts(a)
  local b_ms, b_seq = parts(b)
  return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end

local function after(id)
  local ms, seq = parts(id)
  return string.format('%.0f-%.0f', ms, seq + 1)
end

-- The first entry that `group` still needs.
local function needed(group)
  local lowest_pending = redis.call('XPENDING', KEYS[1], group['name'])[2]
  return lowest_pending or after(group['last-delivered-id'])
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local keep_from
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do
    group[flat[i]] = flat[i + 1]
  end
  local first = needed(group)
  if not keep_from or before(first, keep_from) then
    keep_from = first
  end
end
if not keep_from then
  return 0
end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', keep_from)
