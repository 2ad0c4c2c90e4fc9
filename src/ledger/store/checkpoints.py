"""The checkpoints that were published: signed notes by size, kept for ever and believed by nobody unverified."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ledger.store import queries
from ledger.store.database import Database

_SQL = queries.load("ledger.store.sql", "checkpoints.sql")
_BATCH = 1_000


class Published(Struct, frozen=True):
    """A published checkpoint."""

    size: int
    note: bytes


class CheckpointStore:
    """The published checkpoints of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, size: int, note: bytes) -> bytes:
        """A checkpoint of that size is published; returns its note, which another process may have published first."""
        with self._database.connection() as connection:
            connection.execute(_SQL["publish"], (size, note))
        held = self.at(size)
        return held.note if held else note

    def newest(self) -> Published | None:
        """The one over the most entries."""
        with self._database.connection() as connection:
            row = connection.execute(_SQL["newest"], prepare=True, binary=True).fetchone()
        return Published(*row) if row else None

    def at(self, size: int) -> Published | None:
        """The one over exactly so many entries."""
        with self._database.connection() as connection:
            row = connection.execute(_SQL["at"], (size,), prepare=True, binary=True).fetchone()
        return Published(*row) if row else None

    def after(self, size: int) -> Iterator[Published]:
        """Those over more than so many entries, by size; -1 for all."""
        while True:
            with self._database.connection() as connection:
                rows = connection.execute(_SQL["after"], (size, _BATCH), prepare=True, binary=True).fetchall()
            yield from (Published(*row) for row in rows)
            if len(rows) < _BATCH:
                return
            size = rows[-1][0]
