-- Full tiles of the Merkle tree over the entries, so that roots and proofs need not read the log.
--
-- They are computed from the log, outside the append lock, and can be checked against it; a tile never changes.

CREATE TABLE ledger.tile (
    level  smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    index  bigint   NOT NULL CHECK (index >= 0),
    hashes bytea    NOT NULL CHECK (octet_length(hashes) = 8192),
    CONSTRAINT tile_pkey PRIMARY KEY (level, index)
);
COMMENT ON TABLE ledger.tile IS 'Full tiles of height 8 (C2SP tlog-tiles): 256 hashes of 32 bytes. Level 0 holds leaf hashes, sha256(0x00 || entry).';
CREATE TRIGGER tile_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.tile ENABLE ALWAYS TRIGGER tile_append_only;

GRANT SELECT, INSERT ON ledger.tile TO ledger_app;
