-- Every change of a deadline.

-- name: tables
CREATE TABLE deadline_change (
    task        text COLLATE "C" NOT NULL,
    position    bigint  NOT NULL,
    recorded_at bigint  NOT NULL,
    effective   text    NOT NULL,
    day         date    NOT NULL,
    kind        text    NOT NULL,
    lead        text    NOT NULL,
    old_due     date,
    new_due     date    NOT NULL,
    old         text    NOT NULL,
    new         text    NOT NULL,
    requester   text,
    approver    text    NOT NULL,
    document    text,
    reason      text,
    grounds     text    NOT NULL,
    retroactive boolean NOT NULL,
    known_from  bigint  NOT NULL,
    known_to    bigint
);
COMMENT ON TABLE deadline_change IS 'A change of deadline decided on `day`, as known at the positions [known_from, known_to). lead: who led the task then. old_due, new_due: the last days in time.';
-- Nothing is selected by these: to gather statistics of them would take as long as the indexes.
ALTER TABLE deadline_change
    ALTER effective SET STATISTICS 0, ALTER document SET STATISTICS 0, ALTER reason SET STATISTICS 0,
    ALTER old SET STATISTICS 0, ALTER new SET STATISTICS 0, ALTER grounds SET STATISTICS 0;

-- name: indexes
CREATE UNIQUE INDEX deadline_change_task_idx ON deadline_change (task, position, known_from);
CREATE INDEX deadline_change_range_idx ON deadline_change USING gist (int8range(known_from, known_to));
