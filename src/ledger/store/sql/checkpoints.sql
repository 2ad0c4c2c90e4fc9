-- name: publish
-- Keep a checkpoint; another process may have kept the same before.
INSERT INTO ledger.checkpoint (size, note) VALUES (%s, %s) ON CONFLICT DO NOTHING

-- name: newest
-- The checkpoint over the most entries, with its cosignatures.
SELECT size, note, cosignatures FROM ledger.published ORDER BY size DESC LIMIT 1

-- name: at
-- The checkpoint over exactly so many entries, with its cosignatures.
SELECT size, note, cosignatures FROM ledger.published WHERE size = %s

-- name: after
-- The next checkpoints over more than so many entries, by size, with their cosignatures.
SELECT size, note, cosignatures FROM ledger.published WHERE size > %s ORDER BY size LIMIT %s

-- name: cosign
-- Keep a cosignature; another process may have asked the same witness before.
INSERT INTO ledger.cosignature (size, witness, key_id, line) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING

-- name: cosigned
-- The checkpoint over the most entries that a witness has cosigned: its size, and the line.
SELECT size, line FROM ledger.cosignature WHERE witness = %s AND key_id = %s ORDER BY size DESC LIMIT 1
