-- Shared by the scripts that make an offer or change its terms.
local function begin_round(key, stock_revision)
  redis.call('HSET', key, 'live', 0, 'stock_revision', stock_revision, 'next_unit', 1, 'claims', 0, 'refused', 0,
    'made', 0)
  redis.call('HSET', key, 'remaining', text(read_offer(key).total))
end

local function journal_offer(event_type, event_id, now, snapshot)
  journal('offers', '{"type":"' .. event_type .. '","event_id":"' .. event_id .. '","at_us":' .. text(now) ..
    ',"offer":' .. snapshot .. '}')
end

-- What change and reset are to answer where they may not write, or where they did so before; else nil.
local function refused_change()
  if is_untrusted() then
    return {'untrusted'}
  end
  local found = redis.call('HMGET', KEYS[3], 'revision', 'said')
  if not found[1] then
    return {'unknown'}
  elseif found[2] == ARGV[4] then
    return {'ok'}
  elseif found[1] ~= ARGV[7] then
    return {'moved'}
  elseif is_backlogged() then
    return {'backlogged'}
  end
  return nil
end
