"""What was recorded stays as it is, whoever asks and however he puts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors, sql
from tests.conftest import Database
from tests.store.test_append import append, key
from tests.support.databases import NewDatabase

from ledger.store.database import Database as Pool
from ledger.store.recorder import LedgerRecorder
from ledger.store.tiles import TileStore

Connection = psycopg.Connection[tuple[object, ...]]
APPEND_ONLY = "LG001"

CHANGES: dict[str, LiteralString] = {
    "update the log": "UPDATE ledger.log SET entry = '{}'",
    "update the log, one row": "UPDATE ledger.log SET recorded_at = recorded_at + 1 WHERE position = 0",
    "update the log, no row": "UPDATE ledger.log SET entry = '{}' WHERE false",
    "delete from the log": "DELETE FROM ledger.log",
    "delete from the log, one row": "DELETE FROM ledger.log WHERE position = 0",
    "truncate the log": "TRUNCATE ledger.log",
    "truncate the log with others": "TRUNCATE ledger.stream, ledger.log, ledger.idempotency CASCADE",
    "merge into the log": "MERGE INTO ledger.log USING ledger.head ON true WHEN MATCHED THEN DELETE",
    "insert or update the log": "INSERT INTO ledger.log SELECT * FROM ledger.log ON CONFLICT ON CONSTRAINT log_pkey "
    "DO UPDATE SET entry = '{}'",
    "update a tile": "UPDATE ledger.tile SET hashes = hashes",
    "delete a tile": "DELETE FROM ledger.tile",
    "truncate the tiles": "TRUNCATE ledger.tile",
    "delete a text": "DELETE FROM ledger.text",
    "truncate the texts": "TRUNCATE ledger.text",
}  # fmt: skip
OTHER_CHANGES: dict[str, LiteralString] = {
    "insert into the log": "INSERT INTO ledger.log VALUES (2, 9e15, 2, 'a', 'test.event', '{}')",
    "copy into the log": "COPY ledger.log FROM PROGRAM 'true'",
    "update the head": "UPDATE ledger.head SET next_position = 0",
    "delete the head": "DELETE FROM ledger.head",
    "truncate the head": "TRUNCATE ledger.head",
    "insert a head": "INSERT INTO ledger.head (only_row, next_position, recorded_at) VALUES (false, 0, 0)",
    "insert a stream": "INSERT INTO ledger.stream VALUES ('z', 9)",
    "update a stream": "UPDATE ledger.stream SET version = 9",
    "delete a stream": "DELETE FROM ledger.stream",
    "truncate the streams": "TRUNCATE ledger.stream",
    "insert a key": "INSERT INTO ledger.idempotency VALUES ('U1', 'z', 0, 0, 0, '')",
    "update a key": "UPDATE ledger.idempotency SET fingerprint = ''",
    "delete a key": "DELETE FROM ledger.idempotency",
    "truncate the keys": "TRUNCATE ledger.idempotency",
    "insert a text": "INSERT INTO ledger.text VALUES (gen_random_uuid(), 0, '{}', '{}')",
    "update a text": "UPDATE ledger.text SET openings = '{}'",
    "update a migration": "UPDATE ledger.migration SET sha256 = ''",
    "insert a migration": "INSERT INTO ledger.migration VALUES (99, '', '')",
    "drop the log": "DROP TABLE ledger.log CASCADE",
    "rename the log": "ALTER TABLE ledger.log RENAME TO old_log",
    "drop the trigger": "DROP TRIGGER log_append_only ON ledger.log",
    "disable the trigger": "ALTER TABLE ledger.log DISABLE TRIGGER ALL",
    "replace the trigger's function": "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE sql "
    "AS ''",
    "add a trigger": "CREATE TRIGGER t BEFORE INSERT ON ledger.log EXECUTE FUNCTION ledger.refuse_change()",
    "add a rule": "CREATE RULE r AS ON INSERT TO ledger.log DO INSTEAD NOTHING",
    "add a function beside": "CREATE FUNCTION ledger.append() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "drop the schema": "DROP SCHEMA ledger CASCADE",
    "lock the log": "BEGIN; LOCK TABLE ledger.log IN SHARE MODE",
    "own it": "ALTER TABLE ledger.log OWNER TO ledger_app",
    "skip triggers": "SET session_replication_role = replica",
}  # fmt: skip
ESCAPES: dict[str, LiteralString] = {
    "set role": "SET ROLE {owner}",
    "set session authorization": "SET SESSION AUTHORIZATION {owner}",
    "become a member": "GRANT {owner} TO ledger_app",
    "become a superuser": "ALTER ROLE ledger_app SUPERUSER",
    "make a role": "CREATE ROLE ledger_test_intruder SUPERUSER",
}


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> Iterator[Database]:
    """A log with a few events, a key and a tile, for all tests of this module: none of them changes it."""
    with new_database() as made:
        pool = Pool(made.app, pool_size=2)
        LedgerRecorder(pool).append([append("a", 0, key=key("k")), append("b", 0, 300)])
        TileStore(pool).fill(301)
        pool.close()
        yield made


@pytest.fixture(autouse=True)
def _nothing_changes(database: Database) -> Iterator[None]:
    before = everything(database)
    yield
    assert everything(database) == before


def everything(database: Database) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(database.owner) as owner:
        return [
            owner.execute(sql.SQL("SELECT * FROM ledger.{} ORDER BY 1, 2").format(sql.Identifier(table))).fetchall()
            for table in ("log", "head", "stream", "idempotency", "migration", "tile")
        ]


@pytest.fixture
def app(database: Database) -> Iterator[Connection]:
    """A session of the application's role, logged in as that."""
    with psycopg.connect(database.app, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("change", [*CHANGES, *OTHER_CHANGES])
def test_the_application_may_not(app: Connection, change: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute((CHANGES | OTHER_CHANGES)[change])


def test_the_application_grants_itself_nothing(app: Connection) -> None:
    app.execute("GRANT ALL ON ledger.log, ledger.head TO ledger_app, PUBLIC")  # PostgreSQL only warns
    rights = [
        row[0]
        for row in app.execute(
            "SELECT DISTINCT privilege_type FROM information_schema.table_privileges "
            "WHERE table_schema = 'ledger' AND table_name IN ('log', 'head') AND grantee <> grantor"
        )
    ]
    assert rights == ["SELECT"]


@pytest.mark.parametrize("escape", ESCAPES)
def test_the_application_may_not_become_somebody_else(app: Connection, database: Database, escape: str) -> None:
    owner = psycopg.conninfo.conninfo_to_dict(database.owner)["user"]
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute(sql.SQL(ESCAPES[escape]).format(owner=sql.Identifier(str(owner))))


@pytest.mark.parametrize(
    "reset", ["RESET ROLE", "SET ROLE NONE", "RESET ALL", "RESET SESSION AUTHORIZATION", "DISCARD ALL"]
)
@pytest.mark.parametrize("change", ["update the log", "delete from the log", "truncate the log", "insert into the log"])
def test_no_reset_gives_the_application_rights(app: Connection, reset: LiteralString, change: str) -> None:
    app.execute(reset)
    assert app.execute("SELECT current_user").fetchone() == ("ledger_app",)
    with pytest.raises(errors.InsufficientPrivilege):
        app.execute((CHANGES | OTHER_CHANGES)[change])


def test_a_pooled_session_has_the_applications_rights_whoever_logs_in(database: Database) -> None:
    """An embedded server is reached by its superuser: rights are cut down from the session's first moment on."""
    pool = Pool(database.owner, pool_size=2)
    try:
        with pool.connection() as connection:
            for reset in (b"SELECT 1", b"RESET ROLE", b"RESET ALL"):
                connection.execute(reset)
                assert connection.execute("SELECT current_user").fetchone() == ("ledger_app",)
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute("DELETE FROM ledger.log")
    finally:
        pool.close()


def test_names_of_the_sessions_own_do_not_mislead_the_append_function(app: Connection) -> None:
    """The function runs with the owner's rights, so nothing that a caller can put in its way may be what it finds."""
    app.execute("CREATE TEMP TABLE log (LIKE ledger.log); CREATE TEMP TABLE head (LIKE ledger.head)")
    app.execute(
        "CREATE FUNCTION pg_temp.floor(numeric) RETURNS numeric LANGUAGE sql AS 'DELETE FROM ledger.log; SELECT 0'"
    )
    app.execute("SET search_path = pg_temp, pg_catalog, ledger")
    row = app.execute(
        "SELECT statuses, reasons FROM ledger.append('{c}', '{7}', '{1}', NULL, NULL, NULL, NULL, NULL, '{t}', '{x}', "
        "NULL, NULL, false)"
    ).fetchone()
    assert row == (["conflict"], [None])


@pytest.mark.parametrize("replication", ["origin", "local", "replica"])
@pytest.mark.parametrize("change", CHANGES)
def test_the_owner_may_not_change_what_is_recorded(database: Database, change: str, replication: LiteralString) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute(sql.SQL("SET session_replication_role = {}").format(replication))
        with pytest.raises(psycopg.DatabaseError) as refused:
            owner.execute(CHANGES[change])
    assert refused.value.sqlstate == APPEND_ONLY
    assert "append-only" in str(refused.value)


def test_the_application_reads_and_appends(app: Connection) -> None:
    assert app.execute("SELECT count(*) FROM ledger.log").fetchone() == (301,)
    assert app.execute("SELECT next_position FROM ledger.head").fetchone() == (301,)


def test_nobody_else_gets_in(database: Database) -> None:
    """Neither reading nor executing is granted to PUBLIC."""
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("CREATE ROLE ledger_test_stranger")
        try:
            owner.execute("SET ROLE ledger_test_stranger")
            for attempt in ("* FROM ledger.log", "* FROM ledger.head", "ledger.pin_locale('UTC', 'VN')"):
                with pytest.raises(errors.InsufficientPrivilege):
                    owner.execute(f"SELECT {attempt}")
        finally:
            owner.execute("RESET ROLE")
            owner.execute("DROP ROLE ledger_test_stranger")


@pytest.mark.parametrize(
    "name", ["ledger", "public", "rm_x", "rm_x_v1_b1; DROP SCHEMA ledger", "rm_X_v1_b1", "RM_x_v1_b1"]
)
def test_only_schemas_of_read_models_are_made_and_dropped(app: Connection, name: str) -> None:
    for function in ("create_read_model", "drop_read_model"):
        with pytest.raises(psycopg.DatabaseError) as refused:
            app.execute(sql.SQL("SELECT ledger.{}(%s)").format(sql.Identifier(function)), (name,))
        assert refused.value.sqlstate == "LG006"
