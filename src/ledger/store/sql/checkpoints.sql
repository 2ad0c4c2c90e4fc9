-- name: publish
-- Keep a checkpoint; another process may have kept the same before.
INSERT INTO ledger.checkpoint (size, note) VALUES (%s, %s) ON CONFLICT DO NOTHING

-- name: newest
-- The checkpoint over the most entries.
SELECT size, note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1

-- name: at
-- The checkpoint over exactly so many entries.
SELECT size, note FROM ledger.checkpoint WHERE size = %s

-- name: after
-- The next checkpoints over more than so many entries, by size.
SELECT size, note FROM ledger.checkpoint WHERE size > %s ORDER BY size LIMIT %s
