"""A connection that is kept from one use to the next, and can be closed while somebody waits for an answer on it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ledger.errors import DatabaseUnavailable
from ledger.store.database import Connection, Database

_CLOSED = "the ledger is closed"


class KeptConnection:
    """Opened when it is first used, and again after it was lost, until it is closed for good.

    One thread uses it at a time. `settings` are statements for each connection that is opened.
    """

    def __init__(self, database: Database, settings: str = "") -> None:
        self._database = database
        self._settings = settings
        self._mutex = threading.Lock()
        self._connection: Connection | None = None
        self._in_use = False
        self._closed = False

    @property
    def backend(self) -> int | None:
        """The process of the server that it is connected to; None when it is not."""
        with self._mutex:
            held = self._connection
            return held.info.backend_pid if held is not None and not held.closed else None

    @contextmanager
    def used(self) -> Iterator[Connection]:
        """The connection, for this thread alone inside the context; a `psycopg.OperationalError` there gives it up.

        Raises `DatabaseUnavailable` when none is to be had, or it was closed.
        """
        connection = self._opened()
        try:
            yield connection
        except psycopg.OperationalError:
            connection.close()
            raise
        finally:
            with self._mutex:
                self._in_use = False
                if self._closed:
                    connection.close()

    def close(self) -> None:
        """It is closed, now and for good; whoever waits for an answer on it gets `psycopg.OperationalError`."""
        with self._mutex:
            self._closed = True
            if self._connection is None or self._connection.closed:
                return
            if self._in_use:
                # To close a descriptor wakes nobody who waits for it; the end of what comes from it does.
                with socket.socket(fileno=os.dup(self._connection.pgconn.socket)) as shared:
                    shared.shutdown(socket.SHUT_RDWR)
            else:
                self._connection.close()

    def _opened(self) -> Connection:
        with self._mutex:
            if self._closed:
                raise DatabaseUnavailable(_CLOSED)
            if self._connection is not None and not self._connection.closed:
                self._in_use = True
                return self._connection
        return self._open()

    def _open(self) -> Connection:
        connection = self._database.connect()
        try:
            if self._settings:
                connection.execute(self._settings)
        except psycopg.OperationalError as error:
            connection.close()
            raise DatabaseUnavailable(f"the database did not answer: {error}") from error
        with self._mutex:
            if not self._closed:
                self._connection, self._in_use = connection, True
                return connection
        connection.close()
        raise DatabaseUnavailable(_CLOSED)
