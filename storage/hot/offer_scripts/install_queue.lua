-- Say that somebody waits for an offer.
-- KEYS    1 ready   2 token   3 queues
-- ARGV    1 token   2 offer id
-- Returns 'ok' or 'overtaken'
if is_overtaken() then
  return 'overtaken'
end
redis.call('SADD', KEYS[3], ARGV[2])
return 'ok'
