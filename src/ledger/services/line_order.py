"""The lines of a file in order of time, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

Place = tuple[int, int, int]
"""(recorded_at, number in the file from 1, offset in bytes) of a line."""


class LineOrder:
    """Places of lines, by time, then as in the file; kept in temporary files, and a few megabytes of memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __len__(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM place").fetchone()
        return int(count)

    def first(self) -> int:
        """The earliest time of a line, of which there is at least one."""
        (recorded_at,) = self._connection.execute("SELECT min(recorded_at) FROM place").fetchone()
        return int(recorded_at)

    def __iter__(self) -> Iterator[Place]:
        yield from self._connection.execute("SELECT recorded_at, number, start FROM place ORDER BY recorded_at, number")


@contextmanager
def in_order(places: Iterable[Place]) -> Iterator[LineOrder]:
    """The places in order, inside the context; afterwards nothing of them is left.

    Whatever taking the places raises is raised here.
    """
    # SQLite keeps a database without a name in a file that it deletes, and sorts in others what its memory cannot hold.
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE place (recorded_at INTEGER, number INTEGER, start INTEGER)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO place VALUES (?, ?, ?)", places)
        connection.execute("COMMIT")
        yield LineOrder(connection)
