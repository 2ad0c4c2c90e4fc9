-- The plans with their items.

-- name: tables
CREATE TABLE plan (
    plan       text COLLATE "C" NOT NULL,
    day_from   date   NOT NULL,
    day_to     date,
    title      text   NOT NULL,
    authority  text   NOT NULL,
    items      text   NOT NULL,
    known_from bigint NOT NULL,
    known_to   bigint
);
COMMENT ON TABLE plan IS 'The plan on the local days [day_from, day_to), as known at the positions [known_from, known_to). items: code, title, parent and phase of each, in the order of the plan.';

-- name: indexes
CREATE UNIQUE INDEX plan_idx ON plan (plan, day_from, known_from);
