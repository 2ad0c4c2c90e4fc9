-- What happened to each task, record by record.

-- name: tables
CREATE TABLE timeline (
    task         text COLLATE "C" NOT NULL,
    version      integer NOT NULL,
    position     bigint  NOT NULL,
    recorded_at  bigint  NOT NULL,
    effective    text    NOT NULL,
    day          date    NOT NULL,
    type         text    NOT NULL,
    event        text    NOT NULL,
    unit         text,
    subject      text,
    data         text    NOT NULL,
    retracted_by integer,
    known_from   bigint  NOT NULL,
    known_to     bigint
);
COMMENT ON TABLE timeline IS 'One row a record of a task, as known at the positions [known_from, known_to). retracted_by: the version of the record that took it back.';
-- Nothing is selected by these: to gather statistics of them would take as long as the indexes.
ALTER TABLE timeline
    ALTER position SET STATISTICS 0, ALTER recorded_at SET STATISTICS 0, ALTER effective SET STATISTICS 0,
    ALTER day SET STATISTICS 0, ALTER type SET STATISTICS 0, ALTER event SET STATISTICS 0, ALTER unit SET STATISTICS 0,
    ALTER subject SET STATISTICS 0, ALTER data SET STATISTICS 0, ALTER retracted_by SET STATISTICS 0;

-- name: indexes
CREATE UNIQUE INDEX timeline_task_idx ON timeline (task, version, known_from);
