-- Shared by the scripts that are for one round of an offer: those by which users claim, are refused, join and leave.
-- All are handed
-- KEYS    1 ready   2 log   3 offer
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 round

-- The offer while that round lasts; else nil and what is to be answered.
local function offer_in_round()
  if is_untrusted() then
    return nil, {'untrusted'}
  end
  local offer = read_offer(KEYS[3])
  if not offer then
    return nil, {'unknown'}
  elseif offer.round ~= ARGV[5] then
    return nil, {'round'}
  end
  return offer
end
