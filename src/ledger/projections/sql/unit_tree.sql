-- The units by name and place in the tree.

-- name: tables
CREATE TABLE unit (
    unit        text COLLATE "C" NOT NULL,
    day_from    date   NOT NULL,
    day_to      date,
    name        text   NOT NULL,
    kind        text   NOT NULL,
    parent      text,
    merged_into text,
    known_from  bigint NOT NULL,
    known_to    bigint
);
COMMENT ON TABLE unit IS 'The unit on the local days [day_from, day_to), as known at the positions [known_from, known_to).';

-- name: indexes
CREATE UNIQUE INDEX unit_idx ON unit (unit, day_from, known_from);
