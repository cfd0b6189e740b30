-- Shared by the scripts that make or change a claim. Packed, it is its fields in this order with bars between;
-- all of them stay text, and the units are as JSON shows them: [[unit,revision],...].
local PACKED = '^(%a+)|(%d+)|([^|]+)|(%d+)|(%d+)|(%d+)|(%d*)|(%d+)|(%a+)|([^|]*)|(%d*)|(%x*)|(.*)$'

local function unpack_claim(packed)
  local claim = {}
  claim.status, claim.revision, claim.user, claim.quantity, claim.made, claim.changed, claim.held_until, claim.price,
    claim.currency, claim.zone, claim.row, claim.fingerprint, claim.units = string.match(packed, PACKED)
  return claim
end

local function pack_claim(claim)
  return claim.status .. '|' .. claim.revision .. '|' .. claim.user .. '|' .. claim.quantity .. '|' .. claim.made ..
    '|' .. claim.changed .. '|' .. claim.held_until .. '|' .. claim.price .. '|' .. claim.currency .. '|' ..
    claim.zone .. '|' .. claim.row .. '|' .. claim.fingerprint .. '|' .. claim.units
end

-- Says what happened to a claim and how all of it stands, and puts it into its user's history.
local function journal_claim(event_type, event_id, claim_id, claim, offer_id, offer, history)
  local remaining = text(offer.remaining)
  journal('coupons', '{"type":"' .. event_type .. '","event_id":"' .. event_id .. '","at_us":' .. claim.changed ..
    ',"claim_id":"' .. claim_id .. '","offer_id":"' .. offer_id .. '","round":' .. offer.round ..
    ',"user_id":"' .. claim.user .. '","quantity":' .. claim.quantity .. ',"units":' .. claim.units ..
    ',"status":"' .. claim.status .. '","revision":' .. claim.revision .. ',"made_at_us":' .. claim.made ..
    ',"held_until_us":' .. (claim.held_until == '' and 'null' or claim.held_until) ..
    ',"price":' .. claim.price .. ',"currency":"' .. claim.currency ..
    '","zone":' .. (claim.zone == '' and 'null' or '"' .. claim.zone .. '"') ..
    ',"row":' .. (claim.row == '' and 'null' or claim.row) .. ',"fingerprint":"' .. claim.fingerprint ..
    '","remaining_stock":' .. remaining .. ',"stock_revision":' .. offer.stock_revision .. '}')
  remember_claim(history, event_type, event_id, claim.changed, offer_id, offer.round, claim_id, 'success',
    claim.quantity, remaining)
end
