-- Shared by the scripts that ask what a group has done with.
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function before(a, b)
  local a_ms, a_seq = parts(a)
  local b_ms, b_seq = parts(b)
  return a_ms < b_ms or (a_ms == b_ms and a_seq < b_seq)
end

local function after(id)
  local ms, seq = parts(id)
  return string.format('%.0f-%.0f', ms, seq + 1)
end

-- The groups of a log, each as its fields by their names.
local function groups_of(log)
  local groups = {}
  if redis.call('EXISTS', log) == 0 then
    return groups
  end
  for i, flat in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    groups[i] = {}
    for j = 1, #flat, 2 do
      groups[i][flat[j]] = flat[j + 1]
    end
  end
  return groups
end

-- The first entry that `group` still needs.
local function needed(log, group)
  local lowest_pending = redis.call('XPENDING', log, group['name'])[2]
  return lowest_pending or after(group['last-delivered-id'])
end
