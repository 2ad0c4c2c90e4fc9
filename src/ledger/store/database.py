"""Connections to one ledger's database, as the application's role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import psycopg_pool
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row, tuple_row

from ledger.errors import DatabaseUnavailable

APPLICATION_ROLE = "ledger_app"
Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]


def application_conninfo(conninfo: str) -> str:
    """The same database, with the session's rights cut down to the application's role from its first moment.

    Its commits wait until they are durable, whatever the server, the database or the user is set to.
    """
    options = f"-c role={APPLICATION_ROLE} -c synchronous_commit=on"
    return make_conninfo(conninfo, options=options, application_name="ledger", connect_timeout=10)


class Database(PostgresDatastore):
    """A pool of connections that work as `ledger_app`, in autocommit; checked before they are handed out.

    It is a datastore of the library as well, so the library's recorders run on the same pool.
    """

    def __init__(self, conninfo: str, *, pool_size: int = 8) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", originator_id_type="text")
        self.conninfo = application_conninfo(conninfo)
        self.pool = psycopg_pool.ConnectionPool(  # type: ignore[assignment]  # the base only calls what both have
            self.conninfo,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=pool_size,
            open=False,
            timeout=10.0,
            check=psycopg_pool.ConnectionPool.check_connection,
        )

    def register_type_adapters(self) -> None:
        """Nothing: our statements pass arrays, and no composite types that would have to be looked up first."""

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A pooled connection with tuples as rows; raises `DatabaseUnavailable` when it is lost or not to be had."""
        self.pool.open()
        try:
            with self.pool.connection() as connection:
                plain = cast("Connection", connection)
                plain.row_factory = tuple_row
                try:
                    yield plain
                finally:
                    connection.row_factory = dict_row
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            raise DatabaseUnavailable(f"the database did not answer: {error}") from error

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of the caller's own, closed afterwards; raises `DatabaseUnavailable` when it is lost."""
        try:
            with self.connect() as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"the database did not answer: {error}") from error

    def connect(self) -> Connection:
        """A connection of the caller's own, outside the pool; raises `DatabaseUnavailable`."""
        try:
            return psycopg.connect(self.conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"the database could not be reached: {error}") from error
