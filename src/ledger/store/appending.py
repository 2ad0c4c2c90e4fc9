"""The call of `ledger.append`: one prepared statement, one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import psycopg
from eventsourcing.persistence import IntegrityError

from ledger.errors import DatabaseUnavailable
from ledger.store import queries
from ledger.store.append import Answer, Append
from ledger.store.arrays import bigints, byteas, integers, read_integers, read_texts, texts, uuids
from ledger.store.database import Connection
from ledger.store.prepared import Prepared

APPEND = Prepared("ledger_append", queries.load("ledger.store.sql", "append.sql")["append"], 13)
_NOT_APPENDED = "LG002"


def append_on(connection: Connection, appends: Sequence[Append], *, all_or_nothing: bool = False) -> list[Answer]:
    """`LedgerRecorder.append` on a connection of the caller's, which is in autocommit and in nobody else's hands."""
    doubts = Doubts(connection)
    try:
        answers = APPEND.call(connection, arguments_of(appends, all_or_nothing=all_or_nothing))
    except psycopg.DatabaseError as error:
        if error.sqlstate == _NOT_APPENDED:
            raise IntegrityError(str(error)) from error
        raise
    finally:
        doubts.close()
    doubts.check()
    return answers_to(appends, answers)


class Doubts:
    """What the server says that makes it unknown whether a commit stands.

    A cancelled wait for a synchronous standby answers success: the commit may yet be lost with the primary.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._warnings: list[str] = []
        connection.add_notice_handler(self._note)

    def check(self) -> None:
        """Nothing was said since this was asked last; raises `DatabaseUnavailable` when it was."""
        if self._warnings:
            said = self._warnings.pop()
            self._warnings.clear()
            raise DatabaseUnavailable(f"it is unknown whether the standby has the events: {said}")

    def close(self) -> None:
        """Nobody listens any more."""
        self._connection.remove_notice_handler(self._note)

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.sqlstate == "01000" and diagnostic.severity_nonlocalized == "WARNING":
            self._warnings.append(diagnostic.message_primary or "")


def arguments_of(appends: Sequence[Append], *, all_or_nothing: bool = False) -> list[bytes | None]:
    """The arguments of `APPEND`: arrays, of which those that would hold nothing but nulls are null."""
    events = [event for append in appends for event in append.events]
    text_events = openings = None
    if any(append.texts for append in appends):
        opened = [each for append in appends for each in append.texts or (None,) * len(append.events)]
        text_events = uuids([each.event if each else None for each in opened])
        openings = texts([each.openings if each else None for each in opened])
    units = keys = fingerprints = history = None
    if any(append.key is not None for append in appends):
        units = texts([append.key.unit if append.key else None for append in appends])
        keys = texts([append.key.key if append.key else None for append in appends])
        fingerprints = byteas([append.key.fingerprint if append.key else None for append in appends])
    if any(append.history is not None for append in appends):
        history = bigints([append.history for append in appends])
    directory = None
    if any(append.directory is not None for append in appends):
        directory = bigints([append.directory for append in appends])
    return [
        texts([append.stream for append in appends]),
        integers(append.expected for append in appends),
        integers(accumulate(len(append.events) for append in appends)),
        units,
        keys,
        fingerprints,
        history,
        directory,
        texts([type_name for type_name, _ in events]),
        byteas([encoded for _, encoded in events]),
        text_events,
        openings,
        b"\1" if all_or_nothing else b"\0",
    ]


def answers_to(appends: Sequence[Append], columns: Sequence[bytes | None]) -> list[Answer]:
    """What `APPEND` says of each append; when it says no more than where the first is, all are recorded."""
    statuses, positions, times, versions, reasons = columns
    if statuses is None:
        return _all_recorded(appends, read_integers(positions or b""), read_integers(times or b""))
    answers = zip(
        read_texts(statuses),
        read_integers(positions or b""),
        read_integers(times or b""),
        read_integers(versions or b""),
        read_texts(reasons or b""),
        strict=True,
    )
    return [Answer(*answer) for answer in answers]  # type: ignore[arg-type]  # the function's words are those of Answer


def _all_recorded(
    appends: Sequence[Append], positions: Sequence[int | None], times: Sequence[int | None]
) -> list[Answer]:
    answers: list[Answer] = []
    position, recorded_at = positions[0], times[0]
    for index, append in enumerate(appends):
        if len(times) > 1:  # history, each append at its own time
            recorded_at = times[index]
        if position is None or recorded_at is None:
            raise AssertionError("the function says where a batch begins, and when")
        size = len(append.events)
        answers.append(Answer("recorded", position, recorded_at, append.expected + size, None))
        position += size
        recorded_at += size
    return answers
