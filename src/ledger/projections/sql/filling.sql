-- name: take_turn
-- Be the only one to fill a projection's builds, until the end of the session; answers whether it is so.
SELECT pg_try_advisory_lock(hashtext('rebuild ' || %s))

-- name: wait_for_turn
-- The same, and wait until the other one is done.
SELECT pg_advisory_lock(hashtext('rebuild ' || %s))

-- name: leave_turn
-- Let others fill what this session was to fill alone.
SELECT pg_advisory_unlock_all()

-- name: begin
-- A new fill, up to a position; answers its number.
INSERT INTO ledger.fill (position) VALUES (%s) RETURNING fill

-- name: divide
-- Its parts: the streams of some kinds by name, about so many events a part, and no stream in two. A haul are as many
-- parts as take about so many bytes of the log.
INSERT INTO ledger.fill_part (fill, part, haul, first, last, events)
SELECT %(fill)s, part, part * %(events)s * bytes_an_event / %(bytes)s, min(stream), max(stream), sum(version)
FROM (
    SELECT stream, version, (sum(version) OVER (ORDER BY stream) - version) / %(events)s AS part
    FROM ledger.stream WHERE split_part(stream, '/', 1) = ANY(%(kinds)s)
) AS placed, (SELECT pg_table_size('ledger.log') / greatest(next_position, 1) FROM ledger.head) AS log (bytes_an_event)
GROUP BY part, bytes_an_event

-- name: fill_anew
-- An active build that has read nothing is filled, and stands at 0 until that is done; answers whether it is so.
UPDATE ledger.tracking SET fill = %s
WHERE (projection, build) = (%s, %s) AND position = 0
    AND NOT EXISTS (SELECT FROM ledger.tracking AS o WHERE o.projection = tracking.projection AND o.fill IS NOT NULL)
RETURNING build

-- name: position
-- Up to which position a fill goes.
SELECT position FROM ledger.fill WHERE fill = %s

-- name: progress
-- How many events of a fill are folded, how many there are, and how many parts are still to be done.
SELECT coalesce(sum(events) FILTER (WHERE done), 0)::bigint, coalesce(sum(events), 0)::bigint,
    count(*) FILTER (WHERE NOT done)
FROM ledger.fill_part WHERE fill = %s

-- name: take_haul
-- Be the only one to read a haul, the next after one with work left that nobody reads; until the session gives it back.
WITH left_over AS MATERIALIZED (
    SELECT DISTINCT haul FROM ledger.fill_part WHERE fill = %(fill)s AND haul > %(after)s AND NOT done ORDER BY haul
)
SELECT haul FROM left_over WHERE pg_try_advisory_lock(%(fill)s::integer, haul) LIMIT 1

-- name: leave_haul
-- Give a haul back.
SELECT pg_advisory_unlock(%s::integer, %s)

-- name: parts_of_haul
-- The parts of a haul that are not done, in order, each with all its streams: how names are sorted is the server's matter.
SELECT p.part, p.first, p.last, array_agg(s.stream)
FROM ledger.fill_part AS p JOIN ledger.stream AS s ON s.stream BETWEEN p.first AND p.last
WHERE p.fill = %s AND p.haul = %s AND NOT p.done
GROUP BY p.part, p.first, p.last ORDER BY p.part

-- name: take_part
-- Take a part, unless somebody is at it or has done it, for the length of the transaction that does it.
WITH wanted AS MATERIALIZED (
    SELECT fill, part FROM ledger.fill_part WHERE fill = %s AND part = %s AND NOT done FOR UPDATE SKIP LOCKED
)
UPDATE ledger.fill_part AS p SET done = true FROM wanted
WHERE (p.fill, p.part) = (wanted.fill, wanted.part)
RETURNING p.first, p.last, p.events

-- name: take_any_part
-- As take_part, the last one that nobody is at: whoever reads a haul does its first part first.
WITH wanted AS MATERIALIZED (
    SELECT fill, part FROM ledger.fill_part WHERE fill = %s AND NOT done
    ORDER BY part DESC LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE ledger.fill_part AS p SET done = true FROM wanted
WHERE (p.fill, p.part) = (wanted.fill, wanted.part)
RETURNING p.first, p.last, p.events

-- name: wait_for_part
-- Wait until whoever is at a part has done it, or is gone.
SELECT part FROM ledger.fill_part WHERE fill = %s AND NOT done ORDER BY part LIMIT 1 FOR UPDATE

-- name: finish
-- The build holds all that follows from the log up to where the fill goes: from there on it follows.
UPDATE ledger.tracking AS t SET fill = NULL, position = f.position
FROM ledger.fill AS f
WHERE f.fill = t.fill AND t.projection = %s AND t.build = %s AND t.fill = %s
RETURNING t.position

-- name: forget
-- Fills that no build waits for any more are gone, with their parts.
DELETE FROM ledger.fill AS f WHERE NOT EXISTS (SELECT FROM ledger.tracking AS t WHERE t.fill = f.fill)
