-- Say that everybody's minutes are complete from the window's beginning on, before the older ones are dropped.
-- KEYS    1 minutes
-- ARGV    1 window, µs
-- Returns where the window begins, µs
local from = time_us() - tonumber(ARGV[1])
complete_from(KEYS[1], from)
return text(from)
