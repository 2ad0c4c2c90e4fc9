"""Migrations: each applied once, in order, whole or not at all, and checked ever after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo
from tests.conftest import Database
from tests.store.test_append import append

from ledger.errors import DatabaseUnavailable, MigrationError, SettingsError
from ledger.settings import Settings
from ledger.store.database import Database as Pool
from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import Migration, check_current, migrate, shipped
from ledger.store.recorder import LedgerRecorder
from ledger.store.server import reach

SHIPPED = [migration.name for migration in shipped()]
ADDED = Migration(9001, "9001_added.sql", "CREATE TABLE ledger.added (n integer)")


def applied(database: Database) -> list[str]:
    with psycopg.connect(database.owner) as owner:
        return [row[0] for row in owner.execute("SELECT name FROM ledger.migration ORDER BY number")]


def check(database: Database) -> None:
    with psycopg.connect(database.app) as connection:
        check_current(connection)


def test_a_fresh_database_is_brought_up_to_date_once(empty_database: Database) -> None:
    assert migrate(empty_database.owner) == SHIPPED
    assert applied(empty_database) == SHIPPED == sorted(SHIPPED)
    assert migrate(empty_database.owner) == []
    check(empty_database)
    pool = Pool(empty_database.app, pool_size=2)
    assert LedgerRecorder(pool).append([append("a", 0)])[0].status == "recorded"
    pool.close()


def test_only_what_is_missing_is_applied(database: Database) -> None:
    assert migrate(database.owner, [*shipped(), ADDED]) == [ADDED.name]
    assert applied(database) == [*SHIPPED, ADDED.name]
    assert migrate(database.owner, [*shipped(), ADDED]) == []


def test_eight_migrators_at_once_apply_each_file_once(empty_database: Database) -> None:
    together = threading.Barrier(8)

    def one(_: int) -> list[str]:
        together.wait()
        return migrate(empty_database.owner)

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(one, range(8)))
    assert sorted(done) == [[]] * 7 + [SHIPPED]
    assert applied(empty_database) == SHIPPED
    check(empty_database)


def test_an_edited_file_is_refused(database: Database) -> None:
    first, *others = shipped()
    with pytest.raises(MigrationError, match=f"{first.name} was edited"):
        migrate(database.owner, [replace(first, sql=first.sql + "\n-- harmless"), *others, ADDED])
    assert applied(database) == SHIPPED


def test_a_newer_database_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(database.owner, [*shipped(), ADDED])
    with pytest.raises(MigrationError, match="newer version"):
        migrate(database.owner)
    with pytest.raises(MigrationError, match="newer version"):
        check(database)
    monkeypatch.setattr("ledger.store.migrate.shipped", lambda: [*SHIPPED_FILES, ADDED])
    check(database)


SHIPPED_FILES = shipped()


def test_a_database_that_lacks_a_migration_is_not_used(
    database: Database, empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(empty_database.owner) as connection, pytest.raises(MigrationError, match="ledger migrate"):
        check_current(connection)
    monkeypatch.setattr("ledger.store.migrate.shipped", lambda: [*SHIPPED_FILES, ADDED])
    with pytest.raises(MigrationError, match=ADDED.name):
        check(database)


def test_a_migration_that_fails_half_way_leaves_nothing(database: Database) -> None:
    broken = replace(ADDED, sql=f"{ADDED.sql}; SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(database.owner, [*shipped(), broken])
    assert applied(database) == SHIPPED
    with psycopg.connect(database.owner) as owner:
        assert owner.execute("SELECT to_regclass('ledger.added')").fetchone() == (None,)
    assert migrate(database.owner, [*shipped(), ADDED]) == [ADDED.name]


def test_migrations_before_the_one_that_fails_stay(database: Database) -> None:
    broken = Migration(9002, "9002_broken.sql", "SELECT 1 / 0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(database.owner, [*shipped(), ADDED, broken])
    assert applied(database) == [*SHIPPED, ADDED.name]


def test_who_may_not_migrate_is_told_so(empty_database: Database, database: Database) -> None:
    with pytest.raises(MigrationError, match="owner of the database"):
        migrate(empty_database.app)
    with pytest.raises(MigrationError, match="owner of the database"):
        migrate(database.app, [*shipped(), ADDED])


def test_a_database_out_of_reach_is_said_to_be_so(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate(make_conninfo(database.owner, dbname="not_there"))


def test_another_migrators_lock_is_waited_for_and_not_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store.migrate._LOCK_SECONDS", 0.1)
    with psycopg.connect(database.owner, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (0x4C45444745523031,))
        with pytest.raises(MigrationError, match="another process"):
            migrate(database.owner)
    assert migrate(database.owner) == []


# ── a server that is not ours to rule ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def plain_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A new server, as an administrator hands it over: a role without superuser rights, and a database of its own."""
    with EmbeddedServer.start(tmp_path_factory.mktemp("data"), durable=False) as server:
        with psycopg.connect(server.conninfo(), autocommit=True) as superuser:
            superuser.execute("CREATE ROLE ministry LOGIN CREATEROLE CREATEDB")
            superuser.execute("CREATE DATABASE ministry OWNER ministry")
        yield Database(
            owner=server.conninfo(user="ministry", dbname="ministry"),
            app=server.conninfo(user="ledger_app", dbname="ministry"),
        )


def test_no_superuser_is_needed_to_migrate(plain_owner: Database) -> None:
    assert migrate(plain_owner.owner) == SHIPPED
    assert migrate(plain_owner.owner) == []
    check(plain_owner)
    with psycopg.connect(plain_owner.owner, autocommit=True) as owner, pytest.raises(psycopg.DatabaseError) as refused:
        owner.execute("TRUNCATE ledger.log")
    assert refused.value.sqlstate == "LG001"


def test_the_applications_own_login_opens_the_ledger(plain_owner: Database) -> None:
    migrate(plain_owner.owner)
    with reach(Settings(database_url=plain_owner.app)) as conninfo:
        check_works(conninfo, "app")


def test_the_owner_opens_it_once_he_may_act_as_the_application(plain_owner: Database) -> None:
    migrate(plain_owner.owner)
    with psycopg.connect(plain_owner.owner, autocommit=True) as owner:
        owner.execute("GRANT ledger_app TO CURRENT_USER")
    with reach(Settings(database_url=plain_owner.owner)) as conninfo:
        check_works(conninfo, "owner")


def check_works(conninfo: str, name: str) -> None:
    pool = Pool(conninfo, pool_size=2)
    try:
        assert LedgerRecorder(pool).append([append(name, 0)])[0].status == "recorded"
        with pool.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM ledger.head")
    finally:
        pool.close()


def test_who_may_not_act_as_the_application_is_told_what_to_grant(plain_owner: Database) -> None:
    migrate(plain_owner.owner)
    with psycopg.connect(plain_owner.owner, autocommit=True) as owner:
        owner.execute(
            "CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA ledger TO clerk; GRANT SELECT ON ledger.migration TO clerk"
        )
    url = make_conninfo(plain_owner.owner, user="clerk")
    with pytest.raises(SettingsError, match="GRANT ledger_app TO clerk"), reach(Settings(database_url=url)):
        pass
