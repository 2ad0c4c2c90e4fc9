"""What commands are decided on, read for all who ask at the same time by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeAlias

import psycopg
from msgspec import Struct

from ledger.errors import DatabaseUnavailable
from ledger.store import queries
from ledger.store.append import Answer, IdempotencyKey
from ledger.store.arrays import read_byteas, read_integers, texts
from ledger.store.database import Database
from ledger.store.grouping import Grouping, Request
from ledger.store.kept_connection import KeptConnection
from ledger.store.prepared import Prepared

_STANDING = Prepared("ledger_standing", queries.load("ledger.store.sql", "standing.sql")["standing"], 3)


class Standing(Struct, frozen=True):
    """How the log stood at one moment after it was asked."""

    versions: dict[str, int]
    """By stream: the version at which it stands; a stream without events is left out."""
    answers: dict[tuple[str, str], Answer]
    """By (unit, key): the answer that a used key was given; `refused` when it was for another command.

    After an erasure of what the command said, nobody can tell any more: then the key alone counts.
    """
    directory_end: int
    """The position after the last event of a unit, plan or calendar."""


class _Asked(Struct, frozen=True):
    streams: Sequence[str]
    keys: Sequence[IdempotencyKey]


_Waiting: TypeAlias = Request[_Asked, Standing]


class Stand(Grouping[_Asked, Standing]):
    """Where the log stands, for the command handlers of one process; on a connection of its own."""

    def __init__(self, database: Database) -> None:
        super().__init__(lambda: DatabaseUnavailable("the reading was interrupted"))
        # The plan that a connection makes first, and keeps, is not to be that for small tables.
        self._kept = KeptConnection(database, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")

    def of(self, streams: Sequence[str], keys: Sequence[IdempotencyKey]) -> Standing:
        """How these streams and keys stand, as new as the log is now. Raises `DatabaseUnavailable`."""
        return self.take(_Asked(streams, keys))

    def close(self) -> None:
        """The connection is given back; whoever still waits, or comes later, gets `DatabaseUnavailable`."""
        self._kept.close()

    def work(self, group: Sequence[_Waiting]) -> None:
        """Everybody is told of what they asked."""
        streams = [stream for request in group for stream in request.asked.streams]
        keys = [key for request in group for key in request.asked.keys]
        try:
            versions, answers, directory_end = self._read(streams, keys)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by its callers
            for request in group:
                request.error = error
            return
        for request in group:
            request.told = Standing(
                {stream: versions[stream] for stream in request.asked.streams if stream in versions},
                {
                    (key.unit, key.key): _as_asked(key, *answers[key.unit, key.key])
                    for key in request.asked.keys
                    if (key.unit, key.key) in answers
                },
                directory_end,
            )

    def _read(
        self, streams: Sequence[str], keys: Sequence[IdempotencyKey]
    ) -> tuple[dict[str, int], dict[tuple[str, str], tuple[bytes | None, Answer]], int]:
        arguments = [
            texts(streams),
            texts([key.unit for key in keys]) if keys else None,
            texts([key.key for key in keys]) if keys else None,
        ]
        at, fingerprints, positions, times, versions, end = (column or b"" for column in self._call(arguments))
        stands = {
            stream: version for stream, version in zip(streams, read_integers(at), strict=True) if version is not None
        }
        first = zip(
            keys,
            read_byteas(fingerprints),
            read_integers(positions),
            read_integers(times),
            read_integers(versions),
            strict=True,
        )
        answers = {
            (key.unit, key.key): (fingerprint, Answer("replayed", position, time, version, None))
            for key, fingerprint, position, time, version in first
            if position is not None
        }
        return stands, answers, (read_integers(end) or [0])[0] or 0

    def _call(self, arguments: Sequence[bytes | None]) -> list[bytes | None]:
        """The statement's row; a connection that was lost since the last question is replaced once."""
        if self._kept.backend is not None:
            with suppress(psycopg.OperationalError):
                return self._called(arguments)
        try:
            return self._called(arguments)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"the database did not answer: {error}") from error

    def _called(self, arguments: Sequence[bytes | None]) -> list[bytes | None]:
        with self._kept.used() as connection:
            return _STANDING.call(connection, arguments)


def _as_asked(key: IdempotencyKey, fingerprint: bytes | None, answer: Answer) -> Answer:
    return answer if fingerprint in (None, key.fingerprint) else Answer("refused", None, None, None, "key_reused")
