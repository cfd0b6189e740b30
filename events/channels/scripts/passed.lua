-- Whether a group has been given, and has acknowledged, everything up to a position.
-- KEYS    1 log
-- ARGV    1 group   2 position
-- Returns 1 or 0
for _, group in ipairs(groups_of(KEYS[1])) do
  if group['name'] == ARGV[1] and before(ARGV[2], needed(KEYS[1], group)) then
    return 1
  end
end
return 0
