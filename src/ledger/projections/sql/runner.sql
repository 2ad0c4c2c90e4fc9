-- name: builds
-- Every build, with the position up to which it has followed the log.
SELECT projection, build, version, status, position, fill FROM ledger.tracking ORDER BY projection, build

-- name: standings
-- Every build, how many events it is behind, when the first of them was recorded, and how many streams it has given up on.
SELECT t.projection, t.build, t.version, t.status, t.position, t.fill, h.next_position - t.position,
    (SELECT l.recorded_at FROM ledger.log AS l WHERE l.position = t.position),
    (SELECT count(*) FROM ledger.parked AS p WHERE (p.projection, p.build) = (t.projection, t.build))
FROM ledger.tracking AS t, ledger.head AS h
ORDER BY t.projection, t.build

-- name: lock_build
-- Take one build for the length of the transaction, so that two runners never write the same step twice; answers also
-- the streams that it has given up on.
SELECT t.position, ARRAY(SELECT p.stream FROM ledger.parked AS p WHERE (p.projection, p.build) = (t.projection, t.build))
FROM ledger.tracking AS t WHERE t.projection = %s AND t.build = %s AND t.fill IS NULL FOR UPDATE OF t

-- name: lock_free_builds
-- As lock_build for several, without those that somebody else is at.
SELECT t.projection, t.build, t.position,
    ARRAY(SELECT p.stream FROM ledger.parked AS p WHERE (p.projection, p.build) = (t.projection, t.build))
FROM ledger.tracking AS t
WHERE (t.projection, t.build) IN (SELECT * FROM unnest(%s::text[], %s::integer[])) AND t.fill IS NULL
FOR UPDATE OF t SKIP LOCKED

-- name: move
-- Builds have followed the log up to this position.
UPDATE ledger.tracking SET position = %s
WHERE (projection, build) IN (SELECT * FROM unnest(%s::text[], %s::integer[]))

-- name: new_build
-- A build that starts from nothing; answers its number, or nothing when another process was first.
INSERT INTO ledger.tracking (projection, build, version, status, fill)
SELECT %(projection)s, coalesce(max(build), 0) + 1, %(version)s, %(status)s, %(fill)s
FROM ledger.tracking WHERE projection = %(projection)s
ON CONFLICT DO NOTHING
RETURNING build

-- name: columns
-- The tables of a schema, each with its columns and their types.
SELECT c.relname, array_agg(ARRAY[a.attname::text, format_type(a.atttypid, a.atttypmod)] ORDER BY a.attnum)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relkind = 'r'
GROUP BY c.oid, c.relname ORDER BY c.oid

-- name: deactivate
-- The active build of a projection goes on following, and is read no more.
UPDATE ledger.tracking SET status = 'following' WHERE projection = %s AND status = 'active'

-- name: activate
-- Reports read this build from now on.
UPDATE ledger.tracking SET status = 'active' WHERE projection = %s AND build = %s AND fill IS NULL

-- name: forget_build
-- The build is no more.
DELETE FROM ledger.tracking WHERE projection = %s AND build = %s

-- name: park
-- Give up on a stream in a build; the log goes on.
INSERT INTO ledger.parked (projection, build, stream, position, error) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT parked_pkey DO UPDATE SET position = EXCLUDED.position, error = EXCLUDED.error

-- name: parked
-- The streams that builds have given up on.
SELECT projection, build, stream, position, error FROM ledger.parked ORDER BY projection, build, stream

-- name: unpark
-- A stream is whole again in a build.
DELETE FROM ledger.parked WHERE projection = %s AND build = %s AND stream = %s
