-- Say how much stock an offer has, under a stock revision of its own.
-- KEYS    1 ready   2 log   3 offer
-- ARGV    1 run   2 settings   3 most entries in the log   4 offer id   5 event id
-- Returns {'ok', round, remaining, stock revision}, {'unknown'}, {'untrusted'} or {'backlogged'}
if is_untrusted() then
  return {'untrusted'}
elseif is_backlogged() then
  return {'backlogged'}
end
local offer = read_offer(KEYS[3])
if not offer then
  return {'unknown'}
end
move_stock(KEYS[3], offer, 0)
journal_count(offer, ARGV[4], ARGV[5], time_us())
return {'ok', offer.round, text(offer.remaining), offer.stock_revision}
