-- name: units
-- The units on a day, as known at a position.
SELECT unit, name, kind, parent, merged_into FROM {unit_tree}.unit
WHERE known_from < %(position)s AND (known_to IS NULL OR known_to >= %(position)s)
  AND day_from <= %(on)s AND (day_to IS NULL OR day_to > %(on)s)
ORDER BY unit

-- name: plans
-- The plans on a day, as known at a position.
SELECT plan, title, authority, items FROM {plan_tree}.plan
WHERE known_from < %(position)s AND (known_to IS NULL OR known_to >= %(position)s)
  AND day_from <= %(on)s AND (day_to IS NULL OR day_to > %(on)s)
ORDER BY plan

-- name: status_counts
-- How many tasks of each lead have each status on a day, as known at a position; how many of them await review, and are due.
SELECT lead, status, count(*) AS tasks, count(*) FILTER (WHERE awaits_review) AS awaiting_review,
    count(*) FILTER (WHERE is_due) AS due
FROM (
    SELECT lead, life = 'submitted' AS awaits_review,
        life = 'done' OR (life <> 'cancelled' AND due <= %(on)s) AS is_due,
        CASE
            WHEN life = 'cancelled' THEN 'cancelled'
            WHEN life = 'done' AND submitted_on > submitted_due THEN 'done_late'
            WHEN life = 'done' THEN 'done_on_time'
            WHEN suspended THEN 'suspended'
            WHEN due IS NULL THEN 'not_stated'
            WHEN start > %(on)s THEN 'not_due'
            WHEN due >= %(on)s THEN 'open_in_time'
            ELSE 'open_overdue'
        END AS status
    FROM {plan_state}.standing
    WHERE int8range(known_from, known_to) @> %(last)s::bigint AND daterange(day_from, day_to) @> %(on)s::date
      AND (%(units)s::text[] IS NULL OR lead = ANY(%(units)s))
      AND (%(plan)s::jsonb IS NULL OR plan_items @> %(plan)s::jsonb)
      AND (%(task)s::text IS NULL OR task = %(task)s)
) AS judged
GROUP BY lead, status
ORDER BY lead, status COLLATE "C"

-- name: tasks
-- The tasks on a day, as known at a position, each with the last progress that was reported by then.
SELECT s.task, s.situation, p.percent, p.reported_on
FROM {plan_state}.situation AS s
LEFT JOIN LATERAL (
    SELECT p.percent, p.reported_on
    FROM {plan_state}.progress AS p
    WHERE p.task = s.task AND p.day <= %(on)s
      AND p.known_from < %(position)s AND (p.known_to IS NULL OR p.known_to >= %(position)s)
    ORDER BY p.day DESC, p.version DESC
    LIMIT 1
) AS p ON true
WHERE int8range(s.known_from, s.known_to) @> %(last)s::bigint AND daterange(s.day_from, s.day_to) @> %(on)s::date
  AND (%(units)s::text[] IS NULL OR s.lead = ANY(%(units)s))
  AND (%(plan)s::jsonb IS NULL OR s.plan_items @> %(plan)s::jsonb)
  AND (NOT %(only_open)s OR s.life IN ('open', 'submitted'))
  AND (NOT %(only_overdue)s OR (s.life IN ('open', 'submitted') AND NOT s.suspended AND s.due < %(on)s
       AND (s.start IS NULL OR s.start <= %(on)s)))
ORDER BY s.task

-- name: task_page
-- The first of the tasks on a day, as known at a position: as `tasks`, and reads no more of them than are wanted.
WITH page AS MATERIALIZED (
    SELECT s.task, s.situation
    FROM {plan_state}.situation AS s
    WHERE s.known_from < %(position)s AND (s.known_to IS NULL OR s.known_to >= %(position)s)
      AND s.day_from <= %(on)s AND (s.day_to IS NULL OR s.day_to > %(on)s)
      AND (%(units)s::text[] IS NULL OR s.lead = ANY(%(units)s))
      AND (%(plan)s::jsonb IS NULL OR s.plan_items @> %(plan)s::jsonb)
      AND (%(task)s::text IS NULL OR s.task = %(task)s)
      AND (%(after)s::text IS NULL OR s.task > %(after)s)
      AND (NOT %(only_open)s OR s.life IN ('open', 'submitted'))
      AND (NOT %(only_overdue)s OR (s.life IN ('open', 'submitted') AND NOT s.suspended AND s.due < %(on)s
           AND (s.start IS NULL OR s.start <= %(on)s)))
    ORDER BY s.task
    LIMIT %(limit)s
)
SELECT page.task, page.situation, p.percent, p.reported_on
FROM page
LEFT JOIN LATERAL (
    SELECT p.percent, p.reported_on
    FROM {plan_state}.progress AS p
    WHERE p.task = page.task AND p.day <= %(on)s
      AND p.known_from < %(position)s AND (p.known_to IS NULL OR p.known_to >= %(position)s)
    ORDER BY p.day DESC, p.version DESC
    LIMIT 1
) AS p ON true
ORDER BY page.task

-- name: ends_before_start
-- The tasks whose result is dated before their start.
SELECT task FROM {plan_state}.standing
WHERE int8range(known_from, known_to) @> %(last)s::bigint AND daterange(day_from, day_to) @> %(on)s::date
  AND ends_before_start
  AND (%(units)s::text[] IS NULL OR lead = ANY(%(units)s))
  AND (%(plan)s::jsonb IS NULL OR plan_items @> %(plan)s::jsonb)
  AND (%(task)s::text IS NULL OR task = %(task)s)
ORDER BY task

-- name: deadline_changes
-- The changes of deadlines decided by a day, as known at a position.
SELECT d.task, d.position, d.recorded_at, d.effective, d.kind, d.lead, d.old, d.new, d.requester, d.approver, d.document,
    d.reason, d.grounds, d.retroactive
FROM {deadline_history}.deadline_change AS d
WHERE int8range(d.known_from, d.known_to) @> %(last)s::bigint AND d.day <= %(on)s
  AND (%(units)s::text[] IS NULL OR d.lead = ANY(%(units)s))
  AND (%(task)s::text IS NULL OR d.task = %(task)s)
  AND (%(plan)s::jsonb IS NULL OR d.task IN (
      SELECT s.task FROM {plan_state}.standing AS s
      WHERE int8range(s.known_from, s.known_to) @> %(last)s::bigint AND daterange(s.day_from, s.day_to) @> %(on)s::date
        AND s.plan_items @> %(plan)s::jsonb))
ORDER BY d.position

-- name: requests
-- What was asked on tasks by a day, as known at a position, with the answers given by that day.
SELECT r.task, r.version, r.kind, r.lead, r.asked_by, r.asked_of, r.asked_on,
    CASE WHEN r.answered_on <= %(on)s THEN r.answered_on END, CASE WHEN r.answered_on <= %(on)s THEN r.answer END
FROM {requests}.request AS r
WHERE int8range(r.known_from, r.known_to) @> %(last)s::bigint AND r.asked_on <= %(on)s
  AND (%(units)s::text[] IS NULL OR r.lead = ANY(%(units)s))
  AND (%(task)s::text IS NULL OR r.task = %(task)s)
  AND (%(plan)s::jsonb IS NULL OR r.task IN (
      SELECT s.task FROM {plan_state}.standing AS s
      WHERE int8range(s.known_from, s.known_to) @> %(last)s::bigint AND daterange(s.day_from, s.day_to) @> %(on)s::date
        AND s.plan_items @> %(plan)s::jsonb))
ORDER BY r.task, r.version

-- name: timeline
-- What happened to a task by a day, as known at a position.
SELECT version, position, recorded_at, effective, type, event, unit, subject, data, retracted_by
FROM {timeline}.timeline
WHERE task = %(task)s AND known_from < %(position)s AND (known_to IS NULL OR known_to >= %(position)s)
  AND day <= %(on)s
ORDER BY version

-- name: slips
-- The charged runs of tasks against a baseline, for a situation on a day, as known at a position.
SELECT e.task, e.on_from, e.on_to, e.baseline, c.day_from, c.day_to, c.unit, c.cause, c.ref, c.through_ground,
    c.evidence, c.concurrent
FROM {charges}.charge AS c
JOIN {charges}.epoch AS e ON e.task = c.task AND e.baseline_kind = c.baseline_kind AND e.on_from = c.on_from
    AND e.known_from < %(position)s AND (e.known_to IS NULL OR e.known_to >= %(position)s)
WHERE int8range(c.known_from, c.known_to) @> %(last)s::bigint AND daterange(c.on_from, c.on_to) @> %(on)s::date
  AND c.baseline_kind IN ('both', %(baseline)s) AND c.day_from <= %(on)s
  AND (%(task)s::text IS NULL OR c.task = %(task)s)
  AND ((%(units)s::text[] IS NULL AND %(plan)s::jsonb IS NULL) OR c.task IN (
      SELECT s.task FROM {plan_state}.standing AS s
      WHERE int8range(s.known_from, s.known_to) @> %(last)s::bigint AND daterange(s.day_from, s.day_to) @> %(on)s::date
        AND (%(units)s::text[] IS NULL OR s.lead = ANY(%(units)s))
        AND (%(plan)s::jsonb IS NULL OR s.plan_items @> %(plan)s::jsonb)))
ORDER BY e.task, c.day_from

-- name: baseline
-- The baseline of one task, for a situation on a day, as known at a position.
SELECT on_from, on_to, baseline FROM {charges}.epoch
WHERE task = %(task)s AND known_from < %(position)s AND (known_to IS NULL OR known_to >= %(position)s)
  AND daterange(on_from, on_to) @> %(on)s::date AND baseline_kind IN ('both', %(baseline)s)

-- name: calendar
-- What was declared of a calendar's days, as known at a position.
SELECT position, entry FROM ledger.log WHERE stream = %(stream)s AND position < %(position)s ORDER BY version
