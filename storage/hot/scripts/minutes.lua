-- Everybody's totals a minute.
-- KEYS    1 ready   2 minutes
-- ARGV    1 run   2 settings   3 window, µs
-- Returns {'ok', now, fields and values in turn} or {'sql', now}
local now = time_us()
if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then
  return {'sql', text(now)}
end
local from = redis.call('HGET', KEYS[2], 'from')
if from and now - tonumber(ARGV[3]) < tonumber(from) then
  return {'sql', text(now)}
end
return {'ok', text(now), redis.call('HGETALL', KEYS[2])}
