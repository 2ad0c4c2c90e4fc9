-- name: of_events
-- What there is of the texts of several events.
SELECT event, position, openings::text, erased FROM ledger.text WHERE event = ANY(%b::uuid[])

-- name: page
-- The next texts by event, which is by time.
SELECT event, position, openings::text, erased FROM ledger.text WHERE event > %b ORDER BY event LIMIT %b

-- name: withheld
-- Up to which classification, and of which positions, a restore has left texts out.
SELECT withheld_above, withheld_before FROM ledger.head WHERE withheld_above IS NOT NULL

-- name: classifications
-- The first entries of several streams: they say what a task's classification is.
SELECT stream, entry FROM ledger.log WHERE stream = ANY(%b::text[]) AND version = 1

-- name: places
-- The streams and types of events at several positions.
SELECT position, stream, type FROM ledger.log WHERE position = ANY(%b::bigint[])

-- name: erase
-- Destroy the texts that these events name, and record the events (migration 0001 says how); returns their first position.
SELECT ledger.erase(%b::text, %b::bytea[], %b::uuid[], %b::text[])

-- name: count
-- How many events have texts.
SELECT count(*) FROM ledger.text

-- name: stray
-- Texts of events that are not in the log where they are said to be, by position.
SELECT t.event, t.position FROM ledger.text AS t LEFT JOIN ledger.log AS l USING (position)
WHERE l.position IS NULL OR strpos(encode(l.entry, 'escape'), '"id":"' || t.event || '"') = 0
ORDER BY t.position LIMIT 1
