"""Statements of the hot paths, by libpq's own interface: a cursor costs more than the server does."""

from __future__ import annotations

import select
from collections.abc import Sequence
from weakref import WeakSet

from psycopg import errors, pq

from ledger.store.database import Connection


class Sent:
    """A statement on its way to the server, and what comes of it.

    libpq's manual, "Asynchronous Command Processing". Neither method waits.
    """

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._results: list[pq.abc.PGresult] = []

    def is_flushed(self) -> bool:
        """Whether all of it has left; otherwise ask again when the socket can be written to or read from."""
        return not self._pgconn.flush()

    def result(self) -> pq.abc.PGresult | None:
        """What came of it; None as long as that is not here: ask again when the socket can be read from.

        The last that the server says is what counts: a commit that fails comes after the row of the statement.
        """
        take_in(self._pgconn)
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                return self._results[-1]
            self._results.append(result)
        return None


def take_in(pgconn: pq.abc.PGconn) -> None:
    """All that has come from the server is taken in; raises `psycopg.OperationalError` when it is gone.

    To its end: an event loop may tell only once of a connection that was lost (uvloop does), though the server's last
    words and the loss are two things to read.
    """
    ready = select.poll()
    ready.register(pgconn.socket, select.POLLIN)
    pgconn.consume_input()
    while ready.poll(0):
        pgconn.consume_input()


class Prepared:
    """A statement, prepared once on each connection, with arguments and results in PostgreSQL's binary format.

    Connections are in autocommit, and in nobody else's hands. All methods raise `psycopg.Error`.
    """

    def __init__(self, name: str, statement: bytes, arguments: int) -> None:
        self._name = name.encode()
        self._statement = statement
        self._formats = [pq.Format.BINARY] * arguments
        self._on: WeakSet[Connection] = WeakSet()

    def prepare(self, connection: Connection) -> None:
        """The connection knows the statement; waits for the server the first time."""
        if connection not in self._on:
            _check(connection.pgconn.prepare(self._name, self._statement), pq.ExecStatus.COMMAND_OK)
            self._on.add(connection)

    def send(self, connection: Connection, arguments: Sequence[bytes | None]) -> Sent:
        """The statement is on its way, on a connection on which it was prepared; does not wait."""
        pgconn = connection.pgconn
        pgconn.send_query_prepared(self._name, arguments, self._formats, result_format=pq.Format.BINARY)
        return Sent(pgconn)

    def call(self, connection: Connection, arguments: Sequence[bytes | None]) -> list[bytes | None]:
        """The columns of the one row that the statement gives.

        The connection is closed when the wait for the row is interrupted.
        """
        self.prepare(connection)
        try:
            result = _awaited(self.send(connection, arguments), connection.pgconn)
        except BaseException:
            connection.close()
            raise
        return columns(result)


def columns(result: pq.abc.PGresult) -> list[bytes | None]:
    """The columns of the one row that the result has; raises `psycopg.Error` when it is one."""
    _check(result, pq.ExecStatus.TUPLES_OK)
    return [result.get_value(0, column) for column in range(result.nfields)]


def _awaited(sent: Sent, pgconn: pq.abc.PGconn) -> pq.abc.PGresult:
    """Psycopg's own wait asks first whether the socket can be written to, and takes twice as long for a small one."""
    ready = select.poll()
    ready.register(pgconn.socket, select.POLLIN | select.POLLOUT)
    while not sent.is_flushed():
        ready.poll()
        pgconn.consume_input()  # the server may have to say something before it takes the rest
    ready.modify(pgconn.socket, select.POLLIN)
    result = None
    while result is None:
        ready.poll()
        result = sent.result()
    return result


def _check(result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status != wanted:
        raise errors.error_from_result(result)
