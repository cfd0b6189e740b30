-- Append what was stored of scarce things to what is live.
-- KEYS    1 live
-- ARGV    1 how long live keeps, ms   2 most live entries   3 how many events are left out
--         then for each event: its name, a colon and its user (none where it is everybody's); its JSON
-- Returns the entry's position
local oldest = text(math.floor(time_us() / 1000) - tonumber(ARGV[1]))
local told = {}
for i = 4, #ARGV do
  told[i - 3] = ARGV[i]
end
local position = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'scarce', ARGV[3], unpack(told))
redis.call('XTRIM', KEYS[1], 'MINID', '~', oldest)
return position
