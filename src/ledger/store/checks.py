"""The log's tables as they stand, read for checking: nothing is believed, and nothing left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from ledger.store import queries, texts
from ledger.store.append import Head
from ledger.store.database import Connection, Database
from ledger.store.entry_texts import Withheld
from ledger.store.texts import TextRow

_SQL = queries.load("ledger.store.sql", "checks.sql")
_FIRST = -(2**63)
_BATCH = 5_120


class LogRow(Struct, frozen=True):
    """One row of the log."""

    position: int
    recorded_at: int
    version: int
    stream: str
    type: str
    entry: bytes


class Said(Struct, frozen=True):
    """What an entry says of itself, which the columns beside it repeat."""

    stream: str
    version: int
    type: str
    recorded_at: int


class _Event(Struct, frozen=True):
    stream: str
    type: str
    version: int


class _Entry(Struct, frozen=True):
    event: _Event
    recorded_at: int


_decoder = msgspec.json.Decoder(_Entry)


def said(entry: bytes) -> Said | None:
    """What the entry says of itself; None when it cannot be read."""
    try:
        decoded = _decoder.decode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Said(decoded.event.stream, decoded.event.version, decoded.event.type, decoded.recorded_at)


class Snapshot:
    """The tables of the log at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self) -> Iterator[list[LogRow]]:
        """Every row of the log in order of position, in batches."""
        start = _FIRST
        while True:
            found = self._connection.execute(_SQL["rows"], (start, _BATCH), prepare=True, binary=True).fetchall()
            if not found:
                return
            # Two rows of one position, which the table does not admit, must not be torn apart.
            whole = [row for row in found if row[0] != found[-1][0]] if len(found) == _BATCH else found
            yield [LogRow(*row) for row in whole or found]
            start = found[-1][0] if whole and len(found) == _BATCH else found[-1][0] + 1

    def tiles(self, level: int, start: int, stop: int) -> dict[int, tuple[bytes, bytes | None]]:
        """By index: (hashes, root) of the stored tiles of a level in [start, stop)."""
        rows = self._connection.execute(_SQL["tiles"], (level, start, stop), prepare=True, binary=True)
        return {index: (bytes(hashes), root) for index, hashes, root in rows}

    def head(self) -> Head | None:
        """What the head says; None when it is not there."""
        row = self._connection.execute(_SQL["head"]).fetchone()
        return Head(*row) if row else None

    def texts(self, events: Iterable[UUID]) -> dict[UUID, TextRow]:
        """The texts of these events; one that has none is left out."""
        return {row.event: row for row in texts.rows_of(self._connection, events)}

    def text_rows(self) -> int:
        """How many events are said to have texts."""
        return texts.count(self._connection)

    def stray_text(self) -> tuple[UUID, int] | None:
        """(event, position) of the first row of texts that belongs to no entry; None when there is none."""
        return texts.stray(self._connection)

    def withheld(self) -> Withheld | None:
        """What a restore is said to have left out."""
        return texts.withheld(self._connection)

    def stream_heads(self) -> dict[str, int]:
        """The version at which each stream is said to stand."""
        rows: list[tuple[Any, ...]] = self._connection.execute(_SQL["stream_heads"], binary=True).fetchall()
        return dict(rows)


@contextmanager
def snapshot(database: Database) -> Iterator[Snapshot]:
    """The tables as they are now, and stay while the context lasts, whatever is appended meanwhile."""
    with database.connection() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield Snapshot(connection)


def tiled(database: Database) -> int:
    """How many entries the stored tiles are over."""
    with database.connection() as connection:
        row = connection.execute(_SQL["last_tile"]).fetchone()
    return 0 if row is None or row[0] is None else (int(row[0]) + 1) * 256
