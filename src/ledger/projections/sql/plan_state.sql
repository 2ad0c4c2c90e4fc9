-- Each task as it stands on each day, and as it was known to stand at each position.

-- name: tables
CREATE TABLE standing (
    task              text COLLATE "C" NOT NULL,
    day_from          date    NOT NULL,
    day_to            date,
    lead              text COLLATE "C" NOT NULL,
    life              text    NOT NULL,
    suspended         boolean NOT NULL,
    start             date,
    due               date,
    submitted_on      date,
    submitted_due     date,
    ends_before_start boolean NOT NULL,
    plan_items        jsonb   NOT NULL,
    known_from        bigint  NOT NULL,
    known_to          bigint
);
COMMENT ON TABLE standing IS 'What tasks are counted by, at the end of the local days [day_from, day_to), as known at the positions [known_from, known_to). Rows are narrow, because a count reads those of every task. due and submitted_due are the last days in time.';

CREATE TABLE situation (
    task       text COLLATE "C" NOT NULL,
    day_from   date    NOT NULL,
    day_to     date,
    lead       text COLLATE "C" NOT NULL,
    life       text    NOT NULL,
    suspended  boolean NOT NULL,
    start      date,
    due        date,
    plan_items jsonb   NOT NULL,
    situation  text    NOT NULL,
    known_from bigint  NOT NULL,
    known_to   bigint
);
COMMENT ON TABLE situation IS 'All that a task is, but for its progress, which changes most often. The columns beside the JSON are what lists select by: they are in the same row, so that a list needs no join of two kinds of ranges.';

CREATE TABLE progress (
    task        text COLLATE "C" NOT NULL,
    day         date    NOT NULL,
    version     integer NOT NULL,
    percent     integer NOT NULL,
    reported_on date    NOT NULL,
    known_from  bigint  NOT NULL,
    known_to    bigint
);
COMMENT ON TABLE progress IS 'One row a progress report, in effect from local day `day` on: its percentage (basis points) and the day it was reported for. On a day the last one counts, by day, then by version. known_to: when it was retracted.';
-- Nothing is selected by these: to gather statistics of them would take as long as the indexes.
ALTER TABLE situation ALTER situation SET STATISTICS 0;
ALTER TABLE progress ALTER percent SET STATISTICS 0, ALTER reported_on SET STATISTICS 0;

-- name: indexes
CREATE UNIQUE INDEX standing_task_idx ON standing (task, day_from, known_from);
CREATE INDEX standing_range_idx ON standing USING gist (int8range(known_from, known_to), daterange(day_from, day_to));
-- A few at the most, and every status report names them.
CREATE INDEX standing_early_idx ON standing (task) WHERE ends_before_start;
CREATE UNIQUE INDEX situation_task_idx ON situation (task, day_from, known_from);
CREATE INDEX situation_range_idx ON situation USING gist (int8range(known_from, known_to), daterange(day_from, day_to));
CREATE UNIQUE INDEX progress_task_idx ON progress (task, day, version);
