-- The log, and the one way into it.
--
-- Two roles: whoever migrates owns everything here; ledger_app is what the product works as. It reads, and it executes
-- the functions below, which run with the owner's rights. It holds no right to change the log by itself.

DO $$
BEGIN
    CREATE ROLE ledger_app LOGIN;
EXCEPTION
    -- Roles belong to the whole server: another ledger on it, or a migrator running beside this one, made it first.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO ledger_app;

CREATE TABLE ledger.log (
    position    bigint  NOT NULL,
    recorded_at bigint  NOT NULL,
    version     integer NOT NULL,
    stream      text    NOT NULL,
    type        text    NOT NULL,
    entry       bytea   NOT NULL,
    CONSTRAINT log_pkey PRIMARY KEY (position),
    CONSTRAINT log_stream_version_key UNIQUE (stream, version),
    -- as_of=T finds its prefix of the log here.
    CONSTRAINT log_recorded_at_key UNIQUE (recorded_at),
    CONSTRAINT log_entry_size CHECK (octet_length(entry) <= 65535)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
COMMENT ON TABLE ledger.log IS 'Every event, in commit order. position: 0, 1, 2 ... without gaps; recorded_at: microseconds since 1970 UTC, strictly increasing; entry: the exact bytes that are hashed and exported.';

-- Units, plans and calendars are few among many task events, and every command handler follows them.
CREATE INDEX log_directory_idx ON ledger.log (position) 
    WHERE stream LIKE 'unit/%' OR stream LIKE 'plan/%' OR stream LIKE 'calendar/%';
-- Imports are fewer still, and every report names the ones it rests on.
CREATE INDEX log_history_idx ON ledger.log (position) WHERE type = 'history.imported';

CREATE TABLE ledger.head (
    only_row      boolean NOT NULL DEFAULT true CHECK (only_row),
    next_position bigint  NOT NULL,
    recorded_at   bigint  NOT NULL,
    live_from     bigint,
    restoring     boolean NOT NULL,
    time_zone     text,
    calendar      text,
    withheld_above  text,
    withheld_before bigint,
    CONSTRAINT head_pkey PRIMARY KEY (only_row)
) WITH (fillfactor = 10);
COMMENT ON TABLE ledger.head IS 'The head of the log, one row: appending locks it, so positions are given in commit order. live_from: the first position that is not imported history. withheld_above: the ledger was restored from files without the texts above this classification, of events before the position withheld_before.';
INSERT INTO ledger.head (next_position, recorded_at, restoring) VALUES (0, 0, false);

CREATE TABLE ledger.stream (
    stream  text    NOT NULL,
    version integer NOT NULL,
    CONSTRAINT stream_pkey PRIMARY KEY (stream)
) WITH (fillfactor = 80);
COMMENT ON TABLE ledger.stream IS 'The version at which each stream stands: what an append compares and sets.';

CREATE TABLE ledger.idempotency (
    unit        text    NOT NULL,
    key         text    NOT NULL,
    position    bigint  NOT NULL,
    recorded_at bigint  NOT NULL,
    version     integer NOT NULL,
    fingerprint bytea,
    CONSTRAINT idempotency_pkey PRIMARY KEY (unit, key)
);
COMMENT ON TABLE ledger.idempotency IS 'The first answer to each idempotency key of a unit, and the SHA-256 of the command that it was given for; NULL when a text of that command was erased, which could be guessed from it.';

CREATE TABLE ledger.text (
    event    uuid   NOT NULL,
    position bigint NOT NULL,
    openings jsonb  NOT NULL,
    erased   text[] NOT NULL DEFAULT '{}',
    CONSTRAINT text_pkey PRIMARY KEY (event)
) WITH (fillfactor = 90, autovacuum_vacuum_insert_scale_factor = 0.05);
COMMENT ON TABLE ledger.text IS 'What people wrote, one row for each event with texts; its entry holds references to them. openings: by path, [salt in base64, text]; erased: the paths whose opening was destroyed.';
-- Statistics hold samples of what is in a column, and would keep them after it is erased.
ALTER TABLE ledger.text ALTER COLUMN openings SET STATISTICS 0;
ALTER TABLE ledger.idempotency ALTER COLUMN fingerprint SET STATISTICS 0;

GRANT SELECT ON ledger.log, ledger.head, ledger.stream, ledger.idempotency, ledger.text, ledger.migration TO ledger_app;

-- Append-only, whoever asks: also for the owner, also when replication settings would skip ordinary triggers.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'LG001';
END
$$;
CREATE TRIGGER log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER log_append_only;
CREATE TRIGGER text_append_only BEFORE DELETE OR TRUNCATE ON ledger.text
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.text ENABLE ALWAYS TRIGGER text_append_only;
-- A row may lose openings, and change in no other way.
CREATE TRIGGER text_only_erased BEFORE UPDATE ON ledger.text
    FOR EACH ROW WHEN (NEW.event <> OLD.event OR NEW.position <> OLD.position
        OR NOT NEW.openings <@ OLD.openings OR NOT NEW.erased @> OLD.erased)
    EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.text ENABLE ALWAYS TRIGGER text_only_erased;

-- Take a batch of appends in one statement, and answer each.
--
-- An append is one stream's next events: append i has those behind ends[i - 1] up to ends[i] of `events`. It is
--   recorded  at consecutive positions from positions[i], recorded_at rising by 1 µs an event from times[i];
--   conflict  when the stream stands at versions[i] and not at the version expected;
--   outdated  when a unit, plan or calendar has an event at directory[i] or after it, which the append does not rest on;
--   replayed  when the unit used the key before for the same command: the first answer is given again;
--   refused   for reasons[i]. An append that is not recorded leaves no trace and harms no other,
-- unless all_or_nothing is set: then the first such append undoes the whole batch (SQLSTATE LG002).
-- When all are recorded, as is the rule, `statuses`, `versions` and `reasons` are NULL, as the appends say themselves at
-- which versions their streams stand then. Unless they are history, `positions` and `times` have the first element only:
-- every event follows the one before by one position and 1 µs.
-- history[i] is the time at which an older system recorded the events, or NULL when they are recorded now. directory[i]
-- is NULL for an append that rests on no unit, plan or calendar. `history`, `directory`, and `units`, `keys` and
-- `fingerprints`, are NULL as a whole when no append of the batch has one. text_events[k] and openings[k] are the id of
-- events[k] and what opens its references, NULL when it has none, and NULL as a whole likewise.
--
-- A batch in which nothing stands in the way is recorded by a statement a table, or by the cheaper ones for a single row
-- when it comes alone; any other is decided append by append. Nobody else writes while the head is locked, so what was
-- looked up stays true. A connection keeps the plans that it made first: the settings see to it that they are not those
-- for the small tables of that time.
CREATE FUNCTION ledger.append(
    streams        text[],
    expected       integer[],
    ends           integer[],
    units          text[],
    keys           text[],
    fingerprints   bytea[],
    history        bigint[],
    directory      bigint[],
    types          text[],
    events         bytea[],
    text_events    uuid[],
    openings       text[],
    all_or_nothing boolean,
    OUT statuses   text[],
    OUT positions  bigint[],
    OUT times      bigint[],
    OUT versions   integer[],
    OUT reasons    text[]
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    -- 41 bytes hold the event: {"event":…,"recorded_at":1234567890123456}
    room CONSTANT integer := 65535 - 41;
    batch CONSTANT integer := cardinality(streams);
    starts CONSTANT integer[] := 0 || ends[:batch - 1];
    head       ledger.head;
    known      ledger.idempotency;
    now_us     bigint;
    clear      boolean;
    apart      boolean := true;
    existing   integer := 0;
    directory_end bigint;
    total      integer := cardinality(events);
    before     integer := 0;
    size       integer;
    biggest    integer;
    at_version integer;
    status     text;
    reason     text;
    stamp      bigint;
    -- Of each event that is recorded, in order: its stream, the version that it follows, and its time (NULL when they
    -- follow each other from now_us on).
    of_streams text[];
    of_follows integer[];
    of_times   bigint[];
    chosen     integer[];
BEGIN
    IF coalesce(ends[batch], 0) <> total OR cardinality(types) <> total THEN
        RAISE EXCEPTION 'the appends end at event %, and there are % types and % events',
            ends[batch], cardinality(types), total USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO STRICT head FROM ledger.head FOR UPDATE;
    -- The clock is read under the lock, and never runs back.
    now_us := greatest(floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, head.recorded_at + 1);

    -- No event is too large; hardly ever are all of them together.
    clear := pg_column_size(events) <= room;
    IF NOT clear THEN
        SELECT max(octet_length(e)) <= room INTO clear FROM unnest(events) AS e;
    END IF;
    -- No append is empty.
    IF clear AND total <> batch THEN
        SELECT bool_and(u.upto > u.start) INTO clear FROM unnest(starts, ends) AS u (start, upto);
    ELSIF clear AND batch > 1 THEN
        clear := ends = ARRAY(SELECT generate_series(1, batch));
    END IF;
    -- No key was used before, nor twice in the batch.
    IF clear AND keys IS NOT NULL THEN
        IF batch = 1 THEN
            PERFORM FROM ledger.idempotency AS k WHERE k.unit = units[1] AND k.key = keys[1];
            clear := NOT FOUND;
        ELSE
            SELECT count(*) = cardinality(array_remove(keys, NULL)) INTO clear
                FROM (SELECT DISTINCT u.unit, u.key FROM unnest(units, keys) AS u (unit, key)
                      WHERE u.key IS NOT NULL AND (SELECT k.position FROM ledger.idempotency AS k
                                                   WHERE k.unit = u.unit AND k.key = u.key) IS NULL) AS fresh;
        END IF;
    END IF;
    -- History comes before anything live, and each append at its own time, or a microsecond after the event before:
    -- within a second older systems keep no order.
    IF clear AND history IS NOT NULL THEN
        SELECT head.live_from IS NULL AND count(a.history) = count(*) AND bool_and(a.at <= a.history + 1000000),
               array_agg(head.next_position + a.start ORDER BY a.i), array_agg(a.at ORDER BY a.i)
            INTO clear, positions, times
            FROM (SELECT u.*, u.start + greatest(head.recorded_at + 1, max(u.history - u.start) OVER (ORDER BY u.i)) AS at
                  FROM unnest(history, starts) WITH ORDINALITY AS u (history, start, i)) AS a;
    ELSE
        positions := ARRAY[head.next_position];
        times := ARRAY[now_us];
    END IF;
    -- No append rests on a directory that has grown since, nor does it grow in this batch.
    IF directory IS NOT NULL THEN
        SELECT coalesce(max(l.position) + 1, 0) INTO directory_end
            FROM (SELECT l.position FROM ledger.log AS l
                  WHERE l.stream LIKE 'unit/%' OR l.stream LIKE 'plan/%' OR l.stream LIKE 'calendar/%'
                  ORDER BY l.position DESC LIMIT 1) AS l;
        IF clear AND batch = 1 THEN
            clear := directory[1] >= directory_end;
        ELSIF clear THEN
            SELECT bool_and(u.after IS NULL OR u.after >= directory_end)
                   AND NOT bool_or(u.stream LIKE 'unit/%' OR u.stream LIKE 'plan/%' OR u.stream LIKE 'calendar/%')
                INTO clear FROM unnest(streams, directory) AS u (stream, after);
        END IF;
    END IF;
    -- Every stream stands at the version expected, or will when the appends before it are recorded.
    IF clear AND batch = 1 THEN
        IF expected[1] > 0 THEN
            UPDATE ledger.stream AS s SET version = expected[1] + total
                WHERE s.stream = streams[1] AND s.version = expected[1];
        ELSE
            INSERT INTO ledger.stream (stream, version) VALUES (streams[1], expected[1] + total)
                ON CONFLICT ON CONSTRAINT stream_pkey DO NOTHING;
        END IF;
        clear := FOUND;
    ELSIF clear THEN
        SELECT bool_and(a.expected = coalesce(a.stands_at, least(a.expected, 0))), count(a.stands_at),
               count(DISTINCT a.stream) = batch
            INTO clear, existing, apart
            FROM (SELECT u.stream, u.expected,
                         (SELECT s.version FROM ledger.stream AS s WHERE s.stream = u.stream) AS stands_at
                  FROM unnest(streams, expected) AS u (stream, expected) OFFSET 0) AS a;
        IF NOT apart THEN
            SELECT bool_and(a.expected = coalesce(a.left_at, a.stands_at, least(a.expected, 0))) INTO clear
                FROM (SELECT u.expected,
                             lag(u.expected + u.upto - u.start) OVER (PARTITION BY u.stream ORDER BY u.i) AS left_at,
                             (SELECT s.version FROM ledger.stream AS s WHERE s.stream = u.stream) AS stands_at
                      FROM unnest(streams, expected, starts, ends) WITH ORDINALITY AS u (stream, expected, start, upto, i)
                     ) AS a;
        END IF;
        IF clear AND apart AND existing = 0 THEN
            INSERT INTO ledger.stream (stream, version)
                SELECT u.stream, u.expected + u.upto - u.start
                FROM unnest(streams, expected, starts, ends) AS u (stream, expected, start, upto);
        ELSIF clear AND apart AND existing = batch THEN
            UPDATE ledger.stream AS s SET version = u.expected + u.upto - u.start
                FROM unnest(streams, expected, starts, ends) AS u (stream, expected, start, upto)
                WHERE s.stream = u.stream;
        ELSIF clear THEN
            INSERT INTO ledger.stream AS s (stream, version)
                SELECT u.stream, max(u.expected + u.upto - u.start)
                FROM unnest(streams, expected, starts, ends) AS u (stream, expected, start, upto) GROUP BY u.stream
                ON CONFLICT ON CONSTRAINT stream_pkey DO UPDATE SET version = EXCLUDED.version;
        END IF;
    END IF;

    IF clear THEN
        IF keys IS NOT NULL AND batch = 1 THEN
            INSERT INTO ledger.idempotency (unit, key, position, recorded_at, version, fingerprint)
                VALUES (units[1], keys[1], head.next_position, times[1], expected[1] + total, fingerprints[1]);
        ELSIF keys IS NOT NULL THEN
            INSERT INTO ledger.idempotency (unit, key, position, recorded_at, version, fingerprint)
                SELECT u.unit, u.key, head.next_position + u.start,
                       CASE WHEN history IS NULL THEN now_us + u.start ELSE u.at END,
                       u.expected + u.upto - u.start, u.fingerprint
                FROM unnest(units, keys, fingerprints, times, expected, starts, ends)
                    AS u (unit, key, fingerprint, at, expected, start, upto)
                WHERE u.key IS NOT NULL;
        END IF;
        IF total = batch THEN
            of_streams := streams; of_follows := expected;
        ELSE
            SELECT array_agg(u.stream ORDER BY u.i, k), array_agg(u.expected + k - 1 ORDER BY u.i, k)
                INTO of_streams, of_follows
                FROM unnest(streams, expected, starts, ends) WITH ORDINALITY AS u (stream, expected, start, upto, i),
                     generate_series(1, u.upto - u.start) AS k;
        END IF;
        IF history IS NULL THEN
            head.live_from := coalesce(head.live_from, head.next_position);
        ELSE
            SELECT array_agg(u.at + k - 1 ORDER BY u.i, k) INTO of_times
                FROM unnest(times, starts, ends) WITH ORDINALITY AS u (at, start, upto, i),
                     generate_series(1, u.upto - u.start) AS k;
        END IF;
    ELSE
        statuses := '{}'; positions := '{}'; times := '{}'; versions := '{}'; reasons := '{}';
        of_streams := '{}'; of_follows := '{}'; of_times := '{}'; chosen := '{}';
        stamp := head.recorded_at;
        FOR i IN 1 .. batch LOOP
            size := ends[i] - before;
            known := NULL; at_version := NULL; status := NULL; reason := NULL;
            IF keys[i] IS NOT NULL THEN
                SELECT * INTO known FROM ledger.idempotency AS k WHERE k.unit = units[i] AND k.key = keys[i];
                IF FOUND AND (known.fingerprint IS NULL OR known.fingerprint = fingerprints[i]) THEN
                    status := 'replayed';
                    at_version := known.version;
                ELSIF FOUND THEN
                    known := NULL;
                    status := 'refused'; reason := 'key_reused';
                END IF;
            END IF;
            IF status IS NULL THEN
                SELECT s.version INTO at_version FROM ledger.stream AS s WHERE s.stream = streams[i];
                -- A stream that does not exist stands at 0; the library's own aggregates may begin with version 0 instead.
                at_version := coalesce(at_version, least(expected[i], 0));
                biggest := 0;
                FOR k IN before + 1 .. ends[i] LOOP
                    biggest := greatest(biggest, octet_length(events[k]));
                END LOOP;
                IF at_version IS DISTINCT FROM expected[i] THEN
                    status := 'conflict';
                ELSIF directory[i] < directory_end THEN
                    status := 'outdated';
                ELSIF size <= 0 THEN
                    status := 'refused'; reason := 'no_events';
                ELSIF biggest > room THEN
                    status := 'refused'; reason := 'entry_too_large';
                ELSIF history[i] IS NOT NULL AND head.live_from IS NOT NULL THEN
                    status := 'refused'; reason := 'ledger_is_live';
                -- Older systems keep whole seconds: within one, records follow each other by a microsecond.
                ELSIF history[i] IS NOT NULL AND history[i] + 1000000 <= stamp THEN
                    status := 'refused'; reason := 'history_out_of_order';
                END IF;
            END IF;
            IF status IS NULL THEN
                status := 'recorded';
                known.position := head.next_position + cardinality(of_streams);
                known.recorded_at := greatest(coalesce(history[i], now_us), stamp + 1);
                IF history[i] IS NULL AND head.live_from IS NULL THEN
                    head.live_from := known.position;
                END IF;
                FOR k IN 1 .. size LOOP
                    of_streams := of_streams || streams[i];
                    of_follows := of_follows || (at_version + k - 1);
                    of_times := of_times || (known.recorded_at + k - 1);
                    chosen := chosen || (before + k);
                END LOOP;
                stamp := known.recorded_at + size - 1;
                at_version := at_version + size;
                IF streams[i] LIKE 'unit/%' OR streams[i] LIKE 'plan/%' OR streams[i] LIKE 'calendar/%' THEN
                    directory_end := known.position + size;
                END IF;
                INSERT INTO ledger.stream AS s (stream, version) VALUES (streams[i], at_version)
                    ON CONFLICT ON CONSTRAINT stream_pkey DO UPDATE SET version = EXCLUDED.version;
                IF keys[i] IS NOT NULL THEN
                    INSERT INTO ledger.idempotency (unit, key, position, recorded_at, version, fingerprint)
                        VALUES (units[i], keys[i], known.position, known.recorded_at, at_version, fingerprints[i]);
                END IF;
            ELSIF all_or_nothing THEN
                RAISE EXCEPTION 'append % of %: % %', i, streams[i], status, coalesce(reason, 'at version ' || at_version)
                    USING ERRCODE = 'LG002';
            END IF;
            statuses := statuses || status;
            positions := positions || known.position;
            times := times || known.recorded_at;
            versions := versions || at_version;
            reasons := reasons || reason;
            before := ends[i];
        END LOOP;
        IF cardinality(chosen) < total THEN
            SELECT array_agg(e.type ORDER BY n), array_agg(e.event ORDER BY n),
                   array_agg(e.text_event ORDER BY n), array_agg(e.openings ORDER BY n)
                INTO types, events, text_events, openings
                FROM unnest(types, events, text_events, openings) WITH ORDINALITY
                    AS e (type, event, text_event, openings, n)
                JOIN unnest(chosen) AS c (n) USING (n);
        END IF;
        total := cardinality(chosen);
    END IF;

    IF total = 1 THEN
        stamp := coalesce(of_times[1], now_us);
        INSERT INTO ledger.log (position, recorded_at, version, stream, type, entry)
            VALUES (head.next_position, stamp, of_follows[1] + 1, of_streams[1], types[1],
                '\x7b226576656e74223a'::bytea || events[1] || convert_to(',"recorded_at":' || stamp || '}', 'UTF8'));
    ELSIF total > 1 THEN
        stamp := coalesce(of_times[total], now_us + total - 1);
        INSERT INTO ledger.log (position, recorded_at, version, stream, type, entry)
            SELECT u.position, u.recorded_at, u.version, u.stream, u.type,
                '\x7b226576656e74223a'::bytea || u.event
                    || convert_to(',"recorded_at":' || u.recorded_at || '}', 'UTF8')
            FROM (SELECT head.next_position + e.n - 1 AS position, coalesce(e.at, now_us + e.n - 1) AS recorded_at,
                         e.follows + 1 AS version, e.stream, e.type, e.event
                  FROM unnest(of_times, of_follows, of_streams, types, events) WITH ORDINALITY
                      AS e (at, follows, stream, type, event, n)) AS u;
    END IF;
    IF total > 0 THEN
        IF openings IS NOT NULL AND total = 1 THEN
            INSERT INTO ledger.text (event, position, openings)
                SELECT text_events[1], head.next_position, openings[1]::jsonb WHERE openings[1] IS NOT NULL;
        ELSIF openings IS NOT NULL THEN
            INSERT INTO ledger.text (event, position, openings)
                SELECT t.event, head.next_position + t.n - 1, t.openings::jsonb
                FROM unnest(text_events, openings) WITH ORDINALITY AS t (event, openings, n)
                WHERE t.openings IS NOT NULL;
        END IF;
        UPDATE ledger.head AS h SET
            next_position = head.next_position + total, recorded_at = stamp, live_from = head.live_from, restoring = false;
        -- Wakes those who follow; it carries nothing, they poll by position.
        NOTIFY ledger;
    END IF;
END
$$;

-- Destroy texts for good, and record the events that say so: one transaction, and no way to do the one without the other.
--
-- What is destroyed is read from the events (type texts.erased), so that it is neither more nor less than they say.
-- The fingerprints of the commands that brought the texts go with them. SQLSTATE LG007 when a text that they name is not
-- there (any more). openings[k] opens the references of the events themselves, as in ledger.append.
CREATE FUNCTION ledger.erase(
    stream      text,
    events      bytea[],
    text_events uuid[],
    openings    text[]
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named  jsonb;
    wanted bigint;
    first  bigint;
BEGIN
    SELECT jsonb_agg(t) INTO STRICT named
        FROM unnest(events) AS e, jsonb_array_elements(convert_from(e, 'UTF8')::jsonb -> 'data' -> 'texts') AS t
        WHERE convert_from(e, 'UTF8')::jsonb ->> 'type' = 'texts.erased';
    IF named IS NULL THEN
        RAISE EXCEPTION 'the events name no text to be erased' USING ERRCODE = 'LG007';
    END IF;
    UPDATE ledger.idempotency AS k SET fingerprint = NULL
        FROM (SELECT DISTINCT i.unit, i.key
              FROM ledger.idempotency AS i
              JOIN ledger.log AS l ON l.position = i.position
              CROSS JOIN generate_series(i.position, i.position + (i.version - l.version)) AS p (position)
              JOIN ledger.text AS x ON x.position = p.position
              JOIN jsonb_array_elements(named) AS t ON (t ->> 'event')::uuid = x.event) AS f
        WHERE k.unit = f.unit AND k.key = f.key;
    -- The head is locked from here on, so that nobody else erases meanwhile.
    SELECT a.positions[1] INTO STRICT first
        FROM ledger.append(ARRAY[stream], ARRAY[0], ARRAY[cardinality(events)], NULL, NULL, NULL, NULL, NULL,
            array_fill('texts.erased'::text, ARRAY[cardinality(events)]), events, text_events, openings, true) AS a;
    WITH erasing AS (
        SELECT (t ->> 'event')::uuid AS event,
               ARRAY(SELECT jsonb_array_elements_text(t -> 'fields')) AS paths
        FROM jsonb_array_elements(named) AS t
    ), erased AS (
        UPDATE ledger.text AS x SET openings = x.openings - e.paths, erased = x.erased || e.paths
        FROM erasing AS e WHERE x.event = e.event AND x.openings ?& e.paths
        RETURNING x.position
    )
    SELECT jsonb_array_length(named) - (SELECT count(*) FROM erased) INTO wanted;
    IF wanted <> 0 THEN
        RAISE EXCEPTION '% of the texts to be erased are not there', wanted USING ERRCODE = 'LG007';
    END IF;
    RETURN first;
END
$$;

-- Put back exported entries as they were, from position `from_position` on; returns the next position.
--
-- Only into an empty ledger, or one whose restore was interrupted; the first ordinary append ends it. live_from is
-- the first position of the whole log that is not imported history, or NULL when these entries do not settle it.
-- Every entry with references has a row in text_events, text_positions, openings, with what there is to open them;
-- erased_events and erased_paths are what the entries say was destroyed. withheld_above is the classification up to which
-- texts are put back, for entries before withheld_before; NULL when all are.
CREATE FUNCTION ledger.restore(
    from_position bigint,
    stamps        bigint[],
    streams       text[],
    versions      integer[],
    types         text[],
    entries       bytea[],
    live_from     bigint,
    text_events    uuid[],
    text_positions bigint[],
    openings       text[],
    erased_events  uuid[],
    erased_paths   text[],
    withheld_above  text,
    withheld_before bigint
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head ledger.head;
    wrong bigint;
BEGIN
    SELECT * INTO STRICT head FROM ledger.head FOR UPDATE;
    IF head.next_position > 0 AND NOT head.restoring THEN
        RAISE EXCEPTION 'the ledger is not empty' USING ERRCODE = 'LG003';
    END IF;
    IF head.next_position <> from_position THEN
        RAISE EXCEPTION 'the ledger stands at position %, not at %', head.next_position, from_position
            USING ERRCODE = 'LG004';
    END IF;
    SELECT from_position + e.n - 1 INTO wrong
        FROM (SELECT n, stamp, lag(stamp, 1, head.recorded_at) OVER (ORDER BY n) AS before, stream, version,
                     lag(version) OVER (PARTITION BY stream ORDER BY n) AS version_before, entry
              FROM unnest(stamps, streams, versions, entries) WITH ORDINALITY AS u (stamp, stream, version, entry, n)) AS e
        LEFT JOIN ledger.stream AS s ON s.stream = e.stream
        WHERE e.stamp <= e.before
           OR e.version <> coalesce(e.version_before, s.version, 0) + 1
           OR right(encode(e.entry, 'escape'), 16 + length(e.stamp::text)) <> ',"recorded_at":' || e.stamp || '}'
        ORDER BY e.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the entry for position % does not follow the one before it', wrong USING ERRCODE = 'LG005';
    END IF;
    INSERT INTO ledger.log (position, recorded_at, version, stream, type, entry)
        SELECT from_position + u.n - 1, u.stamp, u.version, u.stream, u.type, u.entry
        FROM unnest(stamps, streams, versions, types, entries) WITH ORDINALITY AS u (stamp, stream, version, type, entry, n);
    INSERT INTO ledger.stream AS s (stream, version)
        SELECT u.stream, max(u.version) FROM unnest(streams, versions) AS u (stream, version) GROUP BY u.stream
        ON CONFLICT ON CONSTRAINT stream_pkey DO UPDATE SET version = EXCLUDED.version;
    INSERT INTO ledger.text (event, position, openings)
        SELECT t.event, t.position, t.openings::jsonb
        FROM unnest(text_events, text_positions, openings) AS t (event, position, openings);
    UPDATE ledger.text AS x SET openings = x.openings - e.paths, erased = x.erased || e.paths
        FROM (SELECT u.event, array_agg(u.path ORDER BY u.n) AS paths
              FROM unnest(erased_events, erased_paths) WITH ORDINALITY AS u (event, path, n) GROUP BY u.event) AS e
        WHERE x.event = e.event;
    UPDATE ledger.head AS h SET
        next_position = from_position + cardinality(entries),
        recorded_at = coalesce(stamps[cardinality(stamps)], h.recorded_at),
        live_from = restore.live_from,
        withheld_above = restore.withheld_above,
        withheld_before = restore.withheld_before,
        restoring = true;
    NOTIFY ledger;
    RETURN from_position + cardinality(entries);
END
$$;

-- Fix the zone whose days are this ledger's local days, and the calendar that says which are worked. They can be changed
-- only while the log is empty. Returns those that hold.
CREATE FUNCTION ledger.pin_locale(zone text, country text, OUT time_zone text, OUT calendar text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE ledger.head AS h SET
        time_zone = CASE WHEN h.next_position = 0 OR h.time_zone IS NULL THEN zone ELSE h.time_zone END,
        calendar = CASE WHEN h.next_position = 0 OR h.calendar IS NULL THEN country ELSE h.calendar END
        RETURNING h.time_zone, h.calendar;
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO ledger_app;
