-- Delete keys that are made anew.
-- KEYS    1 ready   2 token   3.. what to delete
-- ARGV    1 token
-- Returns how many were deleted, or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
return redis.call('UNLINK', unpack(KEYS, 3))
