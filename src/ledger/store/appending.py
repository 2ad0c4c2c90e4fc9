"""One call of `ledger.append`: one prepared statement, one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from weakref import WeakSet

import psycopg
from eventsourcing.persistence import IntegrityError
from psycopg import errors, generators, pq

from ledger.errors import DatabaseUnavailable
from ledger.store import queries
from ledger.store.append import Answer, Append
from ledger.store.arrays import bigints, byteas, integers, read_integers, read_texts, texts, uuids
from ledger.store.database import Connection

_STATEMENT = queries.load("ledger.store.sql", "append.sql")["append"]
_NAME = b"ledger_append"
_NOT_APPENDED = "LG002"
_BINARY = [pq.Format.BINARY] * 12
_prepared: WeakSet[Connection] = WeakSet()


def append_on(connection: Connection, appends: Sequence[Append], *, all_or_nothing: bool = False) -> list[Answer]:
    """`LedgerRecorder.append` on a connection of the caller's, which is in autocommit and in nobody else's hands."""
    warnings: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.sqlstate == "01000" and diagnostic.severity_nonlocalized == "WARNING":
            warnings.append(diagnostic.message_primary or "")

    connection.add_notice_handler(note)
    try:
        result = _call(connection, [*_arguments(appends), b"\1" if all_or_nothing else b"\0"])
    except psycopg.DatabaseError as error:
        if error.sqlstate == _NOT_APPENDED:
            raise IntegrityError(str(error)) from error
        raise
    finally:
        connection.remove_notice_handler(note)
    if warnings:
        # A cancelled wait for a synchronous standby answers success: the commit may yet be lost with the primary.
        raise DatabaseUnavailable(f"it is unknown whether the standby has the events: {warnings[0]}")
    return _answers(result)


def _arguments(appends: Sequence[Append]) -> list[bytes | None]:
    """The arrays that the function takes; those that would hold nothing but nulls are null."""
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
    return [
        texts([append.stream for append in appends]),
        integers(append.expected for append in appends),
        integers(accumulate(len(append.events) for append in appends)),
        units,
        keys,
        fingerprints,
        history,
        texts([type_name for type_name, _ in events]),
        byteas([encoded for _, encoded in events]),
        text_events,
        openings,
    ]


def _call(connection: Connection, arguments: Sequence[bytes | None]) -> pq.abc.PGresult:
    """The result, by libpq's own interface: a cursor, with its adaptation, would cost more than the server does."""
    pgconn = connection.pgconn
    if connection not in _prepared:
        _check(pgconn.prepare(_NAME, _STATEMENT), pq.ExecStatus.COMMAND_OK)
        _prepared.add(connection)
    pgconn.send_query_prepared(_NAME, arguments, _BINARY, result_format=pq.Format.BINARY)
    (result,) = connection.wait(generators.execute(pgconn))
    return _check(result, pq.ExecStatus.TUPLES_OK)


def _check(result: pq.abc.PGresult, wanted: pq.ExecStatus) -> pq.abc.PGresult:
    if result.status != wanted:
        raise errors.error_from_result(result)
    return result


def _answers(result: pq.abc.PGresult) -> list[Answer]:
    statuses, positions, times, versions, reasons = (result.get_value(0, column) or b"" for column in range(5))
    answers = zip(
        read_texts(statuses),
        read_integers(positions),
        read_integers(times),
        read_integers(versions),
        read_texts(reasons),
        strict=True,
    )
    return [Answer(*answer) for answer in answers]  # type: ignore[arg-type]  # the function's words are those of Answer
