-- Where each build of a projection stands, and the schemas that hold read models.
--
-- Read models are computed from the log and may be rebuilt at any time, so ledger_app owns what is in them.

CREATE TABLE ledger.fill (
    fill     bigint GENERATED ALWAYS AS IDENTITY,
    position bigint NOT NULL,
    CONSTRAINT fill_pkey PRIMARY KEY (fill)
);
COMMENT ON TABLE ledger.fill IS 'New builds that are being filled together, stream by stream, with all that the log holds before position.';

CREATE TABLE ledger.fill_part (
    fill   bigint  NOT NULL,
    part   integer NOT NULL,
    haul   integer NOT NULL,
    first  text    NOT NULL,
    last   text    NOT NULL,
    events bigint  NOT NULL,
    done   boolean NOT NULL DEFAULT false,
    CONSTRAINT fill_part_pkey PRIMARY KEY (fill, part),
    CONSTRAINT fill_part_fill_fkey FOREIGN KEY (fill) REFERENCES ledger.fill (fill) ON DELETE CASCADE
);
COMMENT ON TABLE ledger.fill_part IS 'The parts of a fill: the streams from first to last, with about so many events. Whoever folds a part holds its row, and sets done in the transaction that writes what came of it. haul: neighbouring parts with the same number are read at once.';

CREATE TABLE ledger.tracking (
    projection text    NOT NULL,
    build      integer NOT NULL,
    version    integer NOT NULL,
    status     text    NOT NULL CHECK (status IN ('following', 'active')),
    position   bigint  NOT NULL DEFAULT 0,
    fill       bigint,
    CONSTRAINT tracking_pkey PRIMARY KEY (projection, build),
    CONSTRAINT tracking_fill_fkey FOREIGN KEY (fill) REFERENCES ledger.fill (fill),
    CONSTRAINT tracking_filling CHECK (fill IS NULL OR position = 0)
);
COMMENT ON TABLE ledger.tracking IS 'The builds of each projection. position: the next position that it reads, moved in the same transaction as its rows. following: it keeps up with the log; active: it does, and reports read it. fill: it is being filled, and stands at 0 until that is done.';
CREATE UNIQUE INDEX tracking_active_idx ON ledger.tracking (projection) WHERE status = 'active';
CREATE UNIQUE INDEX tracking_filling_idx ON ledger.tracking (projection) WHERE fill IS NOT NULL;

CREATE TABLE ledger.parked (
    projection text    NOT NULL,
    build      integer NOT NULL,
    stream     text    NOT NULL,
    position   bigint  NOT NULL,
    error      text    NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (projection, build, stream),
    CONSTRAINT parked_tracking_fkey FOREIGN KEY (projection, build)
        REFERENCES ledger.tracking (projection, build) ON DELETE CASCADE
);
COMMENT ON TABLE ledger.parked IS 'Streams that a build has given up on, the position of the event that it failed on, and why. The rest of the log goes on.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.fill, ledger.fill_part, ledger.tracking, ledger.parked TO ledger_app;

-- Make the empty schema of one build of a read model.
CREATE FUNCTION ledger.create_read_model(schema_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF schema_name !~ '^rm_[a-z][a-z_]*_v[0-9]+_b[0-9]+$' THEN
        RAISE EXCEPTION '% is not the name of a read model''s schema', schema_name USING ERRCODE = 'LG006';
    END IF;
    EXECUTE format('CREATE SCHEMA %I', schema_name);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO ledger_app', schema_name);
END
$$;

-- Drop the schema of one build of a read model with all that is in it.
CREATE FUNCTION ledger.drop_read_model(schema_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF schema_name !~ '^rm_[a-z][a-z_]*_v[0-9]+_b[0-9]+$' THEN
        RAISE EXCEPTION '% is not the name of a read model''s schema', schema_name USING ERRCODE = 'LG006';
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', schema_name);
END
$$;

REVOKE ALL ON FUNCTION ledger.create_read_model(text), ledger.drop_read_model(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.create_read_model(text), ledger.drop_read_model(text) TO ledger_app;
