"""Bring a database's schema up to date: numbered files, each applied once, in order, and checked ever after."""

from __future__ import annotations

import hashlib
import time
from importlib import resources

import psycopg
from msgspec import Struct

from ledger.errors import DatabaseUnavailable, MigrationError

_LOCK_KEY = 0x4C45444745523031
"""One number for all migrators of a database: "LEDGER01"."""
_LOCK_SECONDS = 60.0
_POLL_SECONDS = 0.05

_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migration (
    number     integer     NOT NULL PRIMARY KEY,
    name       text        NOT NULL,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class Migration(Struct, frozen=True):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """What tells an edited file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """The migrations of this version of the product, in order."""
    files = (file for file in resources.files("ledger.migrations").iterdir() if file.name.endswith(".sql"))
    found = (Migration(int(file.name.split("_")[0]), file.name, file.read_text(encoding="utf-8")) for file in files)
    return sorted(found, key=lambda migration: migration.number)


def migrate(conninfo: str, migrations: list[Migration] | None = None) -> list[str]:
    """The schema is up to date; returns the names of the migrations applied now.

    Safe to run from several processes at once: one applies, the others wait and find nothing to do. Each migration is
    one transaction. Raises `MigrationError` when an applied file was edited or the database is newer than this version.
    """
    wanted = shipped() if migrations is None else migrations
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            _lock(connection)
            try:
                connection.execute(_BOOTSTRAP)
                return [m.name for m in _missing(connection, wanted) if _apply(connection, m)]
            finally:
                connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"the database could not be reached to migrate it: {error}") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"migrating needs the owner of the database (a role that may create schemas and roles): {error}"
        ) from error


def check_current(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The database has every migration of this version and no other; raises `MigrationError` otherwise."""
    row = connection.execute("SELECT to_regclass('ledger.migration') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        raise MigrationError("the database holds no ledger yet: run `ledger migrate`")
    missing = _missing(connection, shipped())
    if missing:
        raise MigrationError(f"the database lacks {', '.join(m.name for m in missing)}: run `ledger migrate`")


def _lock(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    # Polled: a session that sleeps inside pg_advisory_lock holds a snapshot, which CREATE INDEX CONCURRENTLY waits for.
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK_KEY,)).fetchone()
        if row is not None and row[0]:
            return
        if time.monotonic() > deadline:
            raise MigrationError(f"another process has been migrating this database for {_LOCK_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def _missing(connection: psycopg.Connection[tuple[object, ...]], wanted: list[Migration]) -> list[Migration]:
    applied: dict[object, tuple[object, object]] = {
        number: (name, sha256)
        for number, name, sha256 in connection.execute("SELECT number, name, sha256 FROM ledger.migration")
    }
    by_number = {migration.number: migration for migration in wanted}
    for number, (name, sha256) in applied.items():
        if number not in by_number:
            raise MigrationError(f"the database has {name}, which this version does not know: use a newer version")
        if by_number[int(str(number))].sha256 != sha256:
            raise MigrationError(f"{name} was edited after it had been applied: put the shipped file back")
    return [migration for migration in wanted if migration.number not in applied]


def _apply(connection: psycopg.Connection[tuple[object, ...]], migration: Migration) -> bool:
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        connection.execute(migration.sql.encode())
        connection.execute(
            "INSERT INTO ledger.migration (number, name, sha256) VALUES (%s, %s, %s)",
            (migration.number, migration.name, migration.sha256),
        )
    return True
