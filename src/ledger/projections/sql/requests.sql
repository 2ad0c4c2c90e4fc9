-- What was asked on each task, and how it was answered.

-- name: tables
CREATE TABLE request (
    task        text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    kind        text    NOT NULL,
    lead        text    NOT NULL,
    asked_by    text,
    asked_of    text,
    asked_on    date    NOT NULL,
    answered_on date,
    answer      text,
    known_from  bigint  NOT NULL,
    known_to    bigint
);
COMMENT ON TABLE request IS 'A review of a result or an extension, asked for by the record of that version, as known at the positions [known_from, known_to). lead: who led the task then. asked_of: the reviewer. An answer counts from the local day answered_on.';

-- name: indexes
CREATE UNIQUE INDEX request_task_idx ON request (task, version, known_from);
CREATE INDEX request_range_idx ON request USING gist (int8range(known_from, known_to));
