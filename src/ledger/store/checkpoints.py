"""The checkpoints that were published: signed notes by size, kept for ever and believed by nobody unverified."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ledger.store import queries
from ledger.store.database import Database, Row

_SQL = queries.load("ledger.store.sql", "checkpoints.sql")
_BATCH = 1_000


class Published(Struct, frozen=True):
    """A published checkpoint."""

    size: int
    note: bytes
    cosignatures: bytes
    """The lines of witnesses under the note, each with its newline."""


class Cosigned(Struct, frozen=True):
    """How far a witness has come with this log, as far as it told us."""

    size: int
    line: str
    """Its signature line under that checkpoint, without the newline."""


class CheckpointStore:
    """The published checkpoints of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, size: int, note: bytes) -> bytes:
        """A checkpoint of that size is published; returns its note, which another process may have published first."""
        with self._database.connection() as connection:
            if connection.execute(_SQL["publish"], (size, note), prepare=True).rowcount:
                return note
        held = self.at(size)
        return held.note if held else note

    def cosign(self, size: int, witness: str, key_id: bytes, line: str) -> None:
        """The witness's line, which was verified, stands under the published checkpoint, unless it had one there."""
        with self._database.connection() as connection:
            connection.execute(_SQL["cosign"], (size, witness, key_id, line), prepare=True)

    def cosigned(self, witness: str, key_id: bytes) -> Cosigned | None:
        """The newest that the witness has cosigned."""
        with self._database.connection() as connection:
            row = connection.execute(_SQL["cosigned"], (witness, key_id), prepare=True).fetchone()
        return Cosigned(*row) if row else None

    def newest(self) -> Published | None:
        """The one over the most entries."""
        with self._database.connection() as connection:
            row = connection.execute(_SQL["newest"], prepare=True, binary=True).fetchone()
        return _published(row) if row else None

    def at(self, size: int) -> Published | None:
        """The one over exactly so many entries."""
        with self._database.connection() as connection:
            row = connection.execute(_SQL["at"], (size,), prepare=True, binary=True).fetchone()
        return _published(row) if row else None

    def after(self, size: int) -> Iterator[Published]:
        """Those over more than so many entries, by size; -1 for all."""
        while True:
            with self._database.connection() as connection:
                rows = connection.execute(_SQL["after"], (size, _BATCH), prepare=True, binary=True).fetchall()
            yield from (_published(row) for row in rows)
            if len(rows) < _BATCH:
                return
            size = rows[-1][0]


def _published(row: Row) -> Published:
    size, note, cosignatures = row
    return Published(size, note, (cosignatures or "").encode())
