-- name: tile
-- One full tile, when it is stored.
SELECT hashes FROM ledger.tile WHERE level = %s AND index = %s

-- name: stored
-- How many tiles of each level are stored: they are stored in order, so this is also the next index.
SELECT level, (SELECT max(index) + 1 FROM ledger.tile AS t WHERE t.level = l.level) FROM generate_series(0, 7) AS l (level)

-- name: store
-- Keep full tiles of a level; another process may have kept them before.
INSERT INTO ledger.tile (level, index, hashes, root)
SELECT %b, t.index, t.hashes, t.root FROM unnest(%b::bigint[], %b::bytea[], %b::bytea[]) AS t (index, hashes, root)
ON CONFLICT DO NOTHING

-- name: roots
-- The roots of stored tiles of a level in a run of indexes, in order; NULL for a tile from before there were any.
SELECT index, root FROM ledger.tile WHERE level = %s AND index >= %s AND index < %s ORDER BY index

-- name: leaves
-- The leaf hashes of the entries in a run of positions, put together by tile, with their number.
SELECT position / 256, count(*), string_agg(sha256('\x00'::bytea || entry), ''::bytea ORDER BY position)
FROM ledger.log WHERE position >= %s AND position < %s GROUP BY 1 ORDER BY 1

-- name: missing
-- The first position of a run that has no entry.
SELECT w.position FROM generate_series(%s::bigint, %s::bigint - 1) AS w (position)
LEFT JOIN ledger.log AS l USING (position) WHERE l.position IS NULL ORDER BY 1 LIMIT 1
