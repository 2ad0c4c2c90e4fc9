"""Statements of the hot paths, by libpq's own interface: a cursor costs more than the server does."""

from __future__ import annotations

import select
from collections.abc import Sequence
from weakref import WeakSet

from psycopg import errors, pq

from ledger.store.database import Connection


class Prepared:
    """A statement, prepared once on each connection, with arguments and results in PostgreSQL's binary format."""

    def __init__(self, name: str, statement: bytes, arguments: int) -> None:
        self._name = name.encode()
        self._statement = statement
        self._formats = [pq.Format.BINARY] * arguments
        self._on: WeakSet[Connection] = WeakSet()

    def call(self, connection: Connection, arguments: Sequence[bytes | None]) -> list[bytes | None]:
        """The columns of the one row that the statement gives.

        The connection is in autocommit, and in nobody else's hands. It is closed when the wait for the row is
        interrupted. Raises `psycopg.Error`.
        """
        pgconn = connection.pgconn
        if connection not in self._on:
            _check(pgconn.prepare(self._name, self._statement), pq.ExecStatus.COMMAND_OK)
            self._on.add(connection)
        try:
            pgconn.send_query_prepared(self._name, arguments, self._formats, result_format=pq.Format.BINARY)
            result = _results(pgconn)[0]
        except BaseException:
            connection.close()
            raise
        _check(result, pq.ExecStatus.TUPLES_OK)
        return [result.get_value(0, column) for column in range(result.nfields)]


def _results(pgconn: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """What was sent for has come (libpq's manual, "Asynchronous Command Processing").

    psycopg's own wait asks first whether the socket can be written to, and takes twice the time of a small statement.
    """
    ready = select.poll()
    ready.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while pgconn.flush():
        ready.poll()
        pgconn.consume_input()  # the server may have to say something before it takes the rest
    ready.modify(pgconn.socket, select.POLLIN)
    results: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            ready.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return results
        results.append(result)


def _check(result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status != wanted:
        raise errors.error_from_result(result)
