-- Drop the entries that every group has acknowledged. Read and trimmed in one step: between two, an entry
-- could be given out that the first step took for done.
-- KEYS    1 log
-- Returns how many entries were dropped
local keep_from
for _, group in ipairs(groups_of(KEYS[1])) do
  local first = needed(KEYS[1], group)
  if not keep_from or before(first, keep_from) then
    keep_from = first
  end
end
if not keep_from then
  return 0
end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', keep_from)
