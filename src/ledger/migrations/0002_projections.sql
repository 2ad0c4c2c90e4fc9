-- Where each projection stands, and the schemas that hold read models.
--
-- Read models are computed from the log and may be rebuilt at any time, so ledger_app owns what is in them.

CREATE TABLE ledger.tracking (
    projection text    NOT NULL,
    version    integer NOT NULL,
    position   bigint  NOT NULL DEFAULT 0,
    active     boolean NOT NULL DEFAULT false,
    CONSTRAINT tracking_pkey PRIMARY KEY (projection, version)
);
COMMENT ON TABLE ledger.tracking IS 'The next position that each projection reads; moved in the same transaction as its rows. One version of each is active: the one that reports read.';
CREATE UNIQUE INDEX tracking_active_idx ON ledger.tracking (projection) WHERE active;

CREATE TABLE ledger.parked (
    projection text    NOT NULL,
    version    integer NOT NULL,
    stream     text    NOT NULL,
    position   bigint  NOT NULL,
    error      text    NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (projection, version, stream),
    CONSTRAINT parked_tracking_fkey FOREIGN KEY (projection, version)
        REFERENCES ledger.tracking (projection, version) ON DELETE CASCADE
);
COMMENT ON TABLE ledger.parked IS 'Streams that a projection has given up on, the position of the event that it failed on, and why. The rest of the log goes on.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.tracking, ledger.parked TO ledger_app;

-- Make the empty schema of one version of a read model, named rm_<projection>_v<version>.
CREATE FUNCTION ledger.create_read_model(schema_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF schema_name !~ '^rm_[a-z][a-z_]*_v[0-9]+$' THEN
        RAISE EXCEPTION '% is not the name of a read model''s schema', schema_name USING ERRCODE = 'LG006';
    END IF;
    EXECUTE format('CREATE SCHEMA %I', schema_name);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO ledger_app', schema_name);
END
$$;

-- Drop the schema of one version of a read model with all that is in it.
CREATE FUNCTION ledger.drop_read_model(schema_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF schema_name !~ '^rm_[a-z][a-z_]*_v[0-9]+$' THEN
        RAISE EXCEPTION '% is not the name of a read model''s schema', schema_name USING ERRCODE = 'LG006';
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', schema_name);
END
$$;

REVOKE ALL ON FUNCTION ledger.create_read_model(text), ledger.drop_read_model(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.create_read_model(text), ledger.drop_read_model(text) TO ledger_app;
