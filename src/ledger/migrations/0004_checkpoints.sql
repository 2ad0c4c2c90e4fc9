-- The checkpoints that were published, and what makes roots cheap.
--
-- A checkpoint is a signed note (C2SP tlog-checkpoint): its origin and root are in it, and nowhere else to contradict it.
-- The signer remembers its last one outside this database, so that putting back an old backup is noticed.

CREATE TABLE ledger.checkpoint (
    size bigint NOT NULL CHECK (size >= 0),
    note bytea  NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (size)
);
COMMENT ON TABLE ledger.checkpoint IS 'Published checkpoints. size: how many entries it is over; note: the signed note, to the byte.';
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;

GRANT SELECT, INSERT ON ledger.checkpoint TO ledger_app;

CREATE TABLE ledger.cosignature (
    size    bigint NOT NULL,
    witness text   NOT NULL,
    key_id  bytea  NOT NULL CHECK (octet_length(key_id) = 4),
    line    text   NOT NULL,
    CONSTRAINT cosignature_pkey PRIMARY KEY (size, witness, key_id),
    CONSTRAINT cosignature_size_fkey FOREIGN KEY (size) REFERENCES ledger.checkpoint (size)
);
COMMENT ON TABLE ledger.cosignature IS 'What witnesses have put under published checkpoints (C2SP tlog-cosignature). witness, key_id: whose; line: the signature line, without its newline.';
-- How far a witness has come.
CREATE INDEX cosignature_witness_idx ON ledger.cosignature (witness, key_id, size);
CREATE TRIGGER cosignature_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.cosignature
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.cosignature ENABLE ALWAYS TRIGGER cosignature_append_only;

GRANT SELECT, INSERT ON ledger.cosignature TO ledger_app;

CREATE VIEW ledger.published AS
    SELECT size, note, (
        SELECT string_agg(s.line || E'\n', '' ORDER BY s.witness, s.key_id) FROM ledger.cosignature AS s WHERE s.size = c.size
    ) AS cosignatures
    FROM ledger.checkpoint AS c;
COMMENT ON VIEW ledger.published IS 'Published checkpoints with the lines that witnesses have put under them, or NULL.';

GRANT SELECT ON ledger.published TO ledger_app;

-- The last tile of a level is partial and not stored; its hashes are the roots of up to 255 tiles of the level below.
ALTER TABLE ledger.tile ADD COLUMN root bytea CHECK (octet_length(root) = 32);
COMMENT ON COLUMN ledger.tile.root IS 'The hash by which the tile stands in the level above; NULL in tiles from before migration 0004, and worked out from hashes then.';
