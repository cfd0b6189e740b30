-- Forget a board with its totals, unless it belongs to the generation that is being made.
-- KEYS    1 generation   2 board   3 totals
-- Returns 1 where it was forgotten, else 0
local generation = redis.pcall('HGET', KEYS[3], 'generation')
if generation and generation == redis.call('GET', KEYS[1]) then
  return 0
end
redis.call('UNLINK', KEYS[2], KEYS[3])
return 1
