"""Statements of the hot paths, by libpq's own interface: a cursor costs more than the server does."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakSet

from psycopg import errors, generators, pq

from ledger.store.database import Connection


class Prepared:
    """A statement, prepared once on each connection, with arguments and results in PostgreSQL's binary format."""

    def __init__(self, name: str, statement: bytes) -> None:
        self._name = name.encode()
        self._statement = statement
        self._on: WeakSet[Connection] = WeakSet()

    def call(self, connection: Connection, arguments: Sequence[bytes | None]) -> list[bytes | None]:
        """The columns of the one row that the statement gives.

        The connection is in autocommit, and in nobody else's hands. Raises `psycopg.Error`.
        """
        pgconn = connection.pgconn
        if connection not in self._on:
            _check(pgconn.prepare(self._name, self._statement), pq.ExecStatus.COMMAND_OK)
            self._on.add(connection)
        formats = [pq.Format.BINARY] * len(arguments)
        pgconn.send_query_prepared(self._name, arguments, formats, result_format=pq.Format.BINARY)
        (result,) = connection.wait(generators.execute(pgconn))
        _check(result, pq.ExecStatus.TUPLES_OK)
        return [result.get_value(0, column) for column in range(result.nfields)]


def _check(result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status != wanted:
        raise errors.error_from_result(result)
