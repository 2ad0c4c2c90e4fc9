-- name: rows
-- The next rows of the log as they stand, columns and entry, in order of position.
SELECT position, recorded_at, version, stream, type, entry FROM ledger.log
WHERE position >= %s ORDER BY position, recorded_at LIMIT %s

-- name: tiles
-- The stored tiles of a level in a run of indexes.
SELECT index, hashes, root FROM ledger.tile WHERE level = %s AND index >= %s AND index < %s ORDER BY index

-- name: last_tile
-- The last stored tile of the lowest level.
SELECT max(index) FROM ledger.tile WHERE level = 0

-- name: head
-- What the head of the log says of it.
SELECT next_position, recorded_at, live_from FROM ledger.head

-- name: stream_heads
-- The version at which each stream stands.
SELECT stream, version FROM ledger.stream
