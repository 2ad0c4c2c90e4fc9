-- name: builds
-- Every build, with the position up to which it has followed the log.
SELECT projection, build, version, status, position, fill_after FROM ledger.tracking ORDER BY projection, build

-- name: lock_build
-- Take one build for the length of the transaction, so that two runners never write the same step twice; answers also
-- the streams that it has given up on.
SELECT t.position, ARRAY(SELECT p.stream FROM ledger.parked AS p WHERE (p.projection, p.build) = (t.projection, t.build))
FROM ledger.tracking AS t WHERE t.projection = %s AND t.build = %s AND t.status <> 'filling' FOR UPDATE OF t

-- name: move
-- The build has followed the log up to this position.
UPDATE ledger.tracking SET position = %s WHERE projection = %s AND build = %s

-- name: new_build
-- A build that starts from nothing; answers its number, or nothing when one is being filled already.
INSERT INTO ledger.tracking (projection, build, version, status, position)
SELECT %(projection)s, coalesce(max(build), 0) + 1, %(version)s, %(status)s, %(position)s
FROM ledger.tracking WHERE projection = %(projection)s
ON CONFLICT DO NOTHING
RETURNING build

-- name: take_turn
-- Be the only one to fill a projection's new build, until `end_turn` or the end of the session; answers whether it is so.
SELECT pg_try_advisory_lock(hashtext('rebuild ' || %s))

-- name: end_turn
-- Let others fill it.
SELECT pg_advisory_unlock(hashtext('rebuild ' || %s))

-- name: filled
-- Streams up to this name are folded.
UPDATE ledger.tracking SET fill_after = %s WHERE projection = %s AND build = %s AND status = 'filling'

-- name: fill_done
-- All streams are folded up to the build's position: from here it follows.
UPDATE ledger.tracking SET status = 'following', fill_after = NULL
WHERE projection = %s AND build = %s AND status = 'filling'

-- name: deactivate
-- The active build of a projection goes on following, and is read no more.
UPDATE ledger.tracking SET status = 'following' WHERE projection = %s AND status = 'active'

-- name: activate
-- Reports read this build from now on.
UPDATE ledger.tracking SET status = 'active' WHERE projection = %s AND build = %s AND status = 'following'

-- name: forget_build
-- The build is no more.
DELETE FROM ledger.tracking WHERE projection = %s AND build = %s

-- name: streams
-- The next streams of a kind, by name.
SELECT stream FROM ledger.stream WHERE stream > %s AND stream LIKE %s ORDER BY stream LIMIT %s

-- name: count_streams
-- How many streams of a kind there are.
SELECT count(*) FROM ledger.stream WHERE stream LIKE %s AND stream > %s

-- name: park
-- Give up on a stream in a build; the log goes on.
INSERT INTO ledger.parked (projection, build, stream, position, error) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING

-- name: parked
-- The streams that builds have given up on.
SELECT projection, build, stream, position, error FROM ledger.parked ORDER BY projection, build, stream
