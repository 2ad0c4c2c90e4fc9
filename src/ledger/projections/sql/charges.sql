-- Who is charged with which slip days.

-- name: tables
CREATE TABLE epoch (
    task          text COLLATE "C" NOT NULL,
    baseline_kind text   NOT NULL,
    on_from       date   NOT NULL,
    on_to         date,
    baseline_due  date,
    baseline      text   NOT NULL,
    known_from    bigint NOT NULL,
    known_to      bigint
);
COMMENT ON TABLE epoch IS 'The baseline of a task for situations on the local days [on_from, on_to), as known at the positions [known_from, known_to). baseline_kind: active, original, or both where they agree throughout.';

CREATE TABLE charge (
    task           text COLLATE "C" NOT NULL,
    baseline_kind  text    NOT NULL,
    on_from        date    NOT NULL,
    day_from       date    NOT NULL,
    on_to          date,
    day_to         date,
    unit           text COLLATE "C" NOT NULL,
    cause          text    NOT NULL,
    ref            text,
    through_ground boolean NOT NULL,
    evidence       bigint[] NOT NULL,
    concurrent     text    NOT NULL,
    known_from     bigint  NOT NULL,
    known_to       bigint
);
COMMENT ON TABLE charge IS 'The slip days [day_from, day_to) of a task with the unit and cause charged, for situations on the local days [on_from, on_to), as known at the positions [known_from, known_to). Only the days up to the one asked for count. evidence: positions.';
-- Nothing is selected by these: to gather statistics of them would take as long as the indexes.
ALTER TABLE epoch ALTER baseline SET STATISTICS 0;
ALTER TABLE charge
    ALTER ref SET STATISTICS 0, ALTER through_ground SET STATISTICS 0, ALTER evidence SET STATISTICS 0,
    ALTER concurrent SET STATISTICS 0;

-- name: indexes
CREATE UNIQUE INDEX epoch_task_idx ON epoch (task, baseline_kind, on_from, known_from);
CREATE UNIQUE INDEX charge_task_idx ON charge (task, baseline_kind, on_from, day_from, known_from);
CREATE INDEX charge_range_idx ON charge USING gist (int8range(known_from, known_to), daterange(on_from, on_to));
