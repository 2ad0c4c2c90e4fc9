-- name: restore
-- Put exported entries back; returns the next position.
SELECT ledger.restore(%b::bigint, %b::bigint[], %b::text[], %b::integer[], %b::text[], %b::bytea[], %b::bigint,
                      %b::uuid[], %b::bigint[], %b::text[], %b::uuid[], %b::text[], %b::text, %b::bigint)

-- name: is_restoring
-- Whether all that the log holds is a restore that may not be complete.
SELECT restoring FROM ledger.head

-- name: head
-- Where the log ends.
SELECT next_position, recorded_at, live_from FROM ledger.head

-- name: locale
-- The locale that the ledger was begun with.
SELECT time_zone, calendar FROM ledger.head WHERE next_position > 0 AND time_zone IS NOT NULL

-- name: pin_locale
-- Fix the ledger's locale while the log is empty; returns the one that holds.
SELECT time_zone, calendar FROM ledger.pin_locale(%s, %s)

-- name: position_at
-- How many records were known at a time: the length of the prefix with recorded_at up to it.
SELECT position + 1 FROM ledger.log WHERE recorded_at <= %s ORDER BY recorded_at DESC LIMIT 1

-- name: entries
-- Entries of a run of positions, in order.
SELECT position, entry FROM ledger.log WHERE position >= %s AND position < %s ORDER BY position LIMIT %s

-- name: leaves
-- The leaf hashes (RFC 6962) of some entries.
SELECT position, sha256('\x00'::bytea || entry) FROM ledger.log WHERE position = ANY(%b::bigint[])

-- name: entries_of_types
-- Entries of some types in a run of positions, in order.
SELECT position, entry FROM ledger.log
WHERE position >= %s AND position < %s AND type = ANY(%s) ORDER BY position LIMIT %s

-- name: stream_entries
-- Entries of several streams before a position, each after a version of its own, in order. LATERAL, so that each stream
-- is looked up by itself: for a few dozen of them the planner would rather read the whole log. `+ 0`, so that it does
-- not go through all earlier positions for each.
SELECT w.stream, l.position, l.entry
FROM unnest(%b::text[], %b::integer[]) AS w (stream, after)
CROSS JOIN LATERAL (
    SELECT position, entry FROM ledger.log
    WHERE stream = w.stream AND version > w.after AND position + 0 < %b ORDER BY version
) AS l
ORDER BY l.position

-- name: stream_range
-- Entries of the streams of a range of names before a position, in no order: where they lie scattered over the whole log
-- they are then read page by page, and each page once. `+ 0`, so that the planner does not go through all earlier
-- positions for each range.
SELECT stream, position, entry FROM ledger.log
WHERE stream >= %s AND stream <= %s AND position + 0 < %s

-- name: stream_versions
-- The versions at which several streams stand; a stream without events is left out.
SELECT stream, version FROM ledger.stream WHERE stream = ANY(%b::text[])

-- name: directory_entries
-- Entries of units, plans and calendars from a position on, in order.
SELECT position, entry FROM ledger.log
WHERE position >= %s AND (stream LIKE 'unit/%%' OR stream LIKE 'plan/%%' OR stream LIKE 'calendar/%%') ORDER BY position

-- name: history_entries
-- The imports that a prefix of the log rests on, in order.
SELECT position, entry FROM ledger.log WHERE type = 'history.imported' AND position < %s ORDER BY position

-- name: stream_events
-- Events of one stream between two versions, oldest first.
SELECT version, type, recorded_at, entry FROM ledger.log
WHERE stream = %s AND version > %s AND version <= %s ORDER BY version LIMIT %s

-- name: stream_events_desc
-- Events of one stream between two versions, newest first.
SELECT version, type, recorded_at, entry FROM ledger.log
WHERE stream = %s AND version > %s AND version <= %s ORDER BY version DESC LIMIT %s

-- name: notifications
-- Events of the whole log between two positions, of some types or of all, in order.
SELECT position, stream, version, type, recorded_at, entry FROM ledger.log
WHERE position >= %s AND position <= %s AND (%s::text[] IS NULL OR type = ANY(%s)) ORDER BY position LIMIT %s
