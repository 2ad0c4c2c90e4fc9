-- name: tile
-- One full tile, when it is stored.
SELECT hashes FROM ledger.tile WHERE level = %s AND index = %s

-- name: stored
-- How many tiles of each level are stored: they are stored in order, so this is also the next index.
SELECT level, max(index) + 1 FROM ledger.tile GROUP BY level

-- name: store
-- Keep a full tile; another process may have kept it before.
INSERT INTO ledger.tile (level, index, hashes) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING

-- name: entries
-- The entries under a tile of the lowest level, in order.
SELECT entry FROM ledger.log WHERE position >= %s AND position < %s ORDER BY position
