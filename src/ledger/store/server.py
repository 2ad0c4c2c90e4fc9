"""Reach the database server: the one that the settings name, or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from ledger.errors import DatabaseUnavailable, SettingsError
from ledger.settings import Settings
from ledger.store.database import APPLICATION_ROLE
from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import check_current, migrate

EMBEDDED_DATABASE = "ledger"
OLDEST_SERVER = 150_000
"""PostgreSQL 15."""


@contextmanager
def reach(settings: Settings) -> Iterator[str]:
    """The conninfo of a database whose schema is current, for as long as the context lasts.

    The embedded database is made and migrated on the way; a server of the user's own is migrated only by
    `ledger migrate`. Raises `DatabaseUnavailable`, `EmbeddedServerError`, `MigrationError` or `SettingsError`.
    """
    with owner(settings) as conninfo:
        if settings.database_url is None:
            migrate(conninfo)
        else:
            with _connect(conninfo) as connection:
                check_current(connection)
                _check_role(connection)
        yield conninfo


@contextmanager
def owner(settings: Settings) -> Iterator[str]:
    """The conninfo with which to migrate, for as long as the context lasts; the schema may not be current."""
    if settings.database_url is not None:
        conninfo = _checked(settings.database_url)
        with _connect(conninfo) as connection:
            if connection.info.server_version < OLDEST_SERVER:
                raise SettingsError("LEDGER_DATABASE_URL names a PostgreSQL server older than 15")
        yield conninfo
        return
    with EmbeddedServer.start(settings.data_dir) as server:
        _create_database(server.conninfo())
        yield server.conninfo(dbname=EMBEDDED_DATABASE)


def _checked(url: str) -> str:
    try:
        return make_conninfo(url)
    except psycopg.ProgrammingError as error:
        raise SettingsError(f"LEDGER_DATABASE_URL cannot be read: {error}") from error


def _connect(conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"the database could not be reached: {error}") from error


def _check_role(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Who is logged in may act as the application; raises `SettingsError`, saying what to grant, otherwise."""
    try:
        connection.execute(f"SET ROLE {APPLICATION_ROLE}")
    except psycopg.errors.InsufficientPrivilege as error:
        user = connection.info.user
        raise SettingsError(
            f"LEDGER_DATABASE_URL logs in as {user}, which may not act as {APPLICATION_ROLE}: log in as that, or let "
            f"its administrator GRANT {APPLICATION_ROLE} TO {user}"
        ) from error


def _create_database(conninfo: str) -> None:
    with _connect(conninfo) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (EMBEDDED_DATABASE,)).fetchone()
        if row is None:
            try:
                connection.execute(f'CREATE DATABASE "{EMBEDDED_DATABASE}"')
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # another process was first
