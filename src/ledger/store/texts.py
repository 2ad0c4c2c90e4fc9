"""The side table of texts: what opens the references that entries hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from ledger.domain.events import Event
from ledger.domain.texts import (
    Absent,
    Opening,
    Openings,
    commit_texts,
    event_of,
    opens,
    put_in,
    references_in,
)
from ledger.domain.values import Classification
from ledger.errors import AlreadyErased
from ledger.store import queries
from ledger.store.append import EventTexts
from ledger.store.database import Connection, Database
from ledger.store.entry import encode_event
from ledger.store.entry_texts import Withheld, classification_of

_SQL = queries.load("ledger.store.sql", "texts.sql")
_NOT_THERE = "LG007"
_BATCH = 2_000
T = TypeVar("T")
_decoder = msgspec.json.Decoder(dict[str, Opening])
_encoder = msgspec.json.Encoder(order="sorted")


class TextRow(Struct, frozen=True):
    """The texts of one event, as far as they are there."""

    event: UUID
    position: int
    openings: dict[str, Opening]
    erased: tuple[str, ...]
    """The paths whose opening was destroyed."""


def openings_json(openings: Openings) -> bytes:
    """The openings as canonical JSON."""
    return _encoder.encode(openings)


def read_openings(content: bytes | str) -> dict[str, Opening]:
    """The inverse of `openings_json`. Raises `msgspec.DecodeError`."""
    return _decoder.decode(content)


def encode_with_texts(
    event: Event, salt_of: Callable[[str], bytes]
) -> tuple[Event, tuple[str, bytes], EventTexts | None]:
    """(the event with references for texts, its type and canonical bytes, what opens the references if there are any).

    Raises `Refused` for an event that cannot be kept.
    """
    committed, openings = commit_texts(event, salt_of)
    texts = EventTexts(UUID(event.id), openings_json(openings).decode()) if openings else None
    return committed, (event.type, encode_event(committed, len(openings))), texts


class TextStore:
    """Reads the texts of one ledger, and destroys them. Raises `DatabaseUnavailable` as `Log` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def resolve(self, references: Collection[str]) -> dict[str, str]:
        """By reference: its text, or `Absent` for why there is none; one query, and each text held to its reference."""
        found = self.find(references)
        return {ref: each.text if isinstance(each, Opening) else each for ref, each in found.items()}

    def find(self, references: Collection[str]) -> dict[str, Opening | Absent]:
        """By reference: what opens it, or why nothing does; one query."""
        if not references:
            return {}
        wanted: dict[UUID, list[str]] = {}
        for ref in references:
            wanted.setdefault(event_of(ref), []).append(ref)
        with self._database.connection() as connection:
            rows = {row.event: row for row in rows_of(connection, wanted)}
            found = {ref: _opening(rows.get(event), ref) for event, refs in wanted.items() for ref in refs}
            if Absent.ALTERED in found.values() and withheld(connection) is not None:
                found = {ref: Absent.WITHHELD if each is Absent.ALTERED else each for ref, each in found.items()}
        return found

    def opened(self, value: T, word: Callable[[str], str] = str) -> T:
        """Plain values with the texts in place of references, and `word` of why one is absent. Do it once."""
        return put_in(value, self.resolve(references_in(value)), word)

    def of_events(self, events: Iterable[UUID]) -> dict[UUID, TextRow]:
        """The texts of these events; one that has none is left out."""
        with self._database.connection() as connection:
            return {row.event: row for row in rows_of(connection, events)}

    def withheld(self) -> Withheld | None:
        """What a restore has left out; None when it was nothing."""
        with self._database.connection() as connection:
            return withheld(connection)

    def all(self) -> Iterator[list[TextRow]]:
        """The texts of all events, by time, in batches."""
        after = UUID(int=0)
        while True:
            with self._database.connection() as connection:
                rows = connection.execute(_SQL["page"], (after, _BATCH), prepare=True, binary=True).fetchall()
            if not rows:
                return
            yield [_row(row) for row in rows]
            after = rows[-1][0]

    def count(self) -> int:
        """How many events have texts."""
        with self._database.connection() as connection:
            return count(connection)

    def classifications(self, streams: Collection[str]) -> dict[str, Classification]:
        """By stream, for those that have events: the task's classification, and `UNCLASSIFIED` of what is no task."""
        if not streams:
            return {}
        with self._database.connection() as connection:
            rows = connection.execute(_SQL["classifications"], (list(streams),), prepare=True, binary=True).fetchall()
        return {stream: classification_of(bytes(entry)) for stream, entry in rows}

    def places(self, positions: Collection[int]) -> dict[int, tuple[str, str]]:
        """By position: the stream and type of the event there."""
        with self._database.connection() as connection:
            rows = connection.execute(_SQL["places"], (list(positions),), prepare=True).fetchall()
        return {position: (stream, kind) for position, stream, kind in rows}

    def erase(self, stream: str, events: Sequence[bytes], texts: Sequence[EventTexts | None]) -> int:
        """The texts that these events name are destroyed and the events recorded, in one transaction: all or none.

        Returns the position of the first. Raises `AlreadyErased`.
        """
        ids, openings = [each.event if each else None for each in texts], [t.openings if t else None for t in texts]
        try:
            with self._database.connection() as connection:
                row = connection.execute(_SQL["erase"], (stream, list(events), ids, openings)).fetchone()
        except psycopg.DatabaseError as error:
            if error.sqlstate != _NOT_THERE:
                raise
            raise AlreadyErased from error
        if row is None:
            raise AssertionError("the function answers with a position")
        return int(row[0])


def rows_of(connection: Connection, events: Iterable[UUID]) -> list[TextRow]:
    """The texts of these events; one that has none is left out."""
    rows = connection.execute(_SQL["of_events"], (list(events),), prepare=True, binary=True).fetchall()
    return [_row(row) for row in rows]


def withheld(connection: Connection) -> Withheld | None:
    """What a restore has left out; None when it was nothing."""
    row = connection.execute(_SQL["withheld"]).fetchone()
    return Withheld(*row) if row else None


def count(connection: Connection) -> int:
    """How many events have texts."""
    row = connection.execute(_SQL["count"]).fetchone()
    return int(row[0]) if row else 0


def stray(connection: Connection) -> tuple[UUID, int] | None:
    """The first row, by position, that belongs to no entry; None when there is none."""
    row = connection.execute(_SQL["stray"]).fetchone()
    return (row[0], row[1]) if row else None


def _row(row: tuple[Any, ...]) -> TextRow:
    event, position, openings, erased = row
    try:
        return TextRow(event, position, _decoder.decode(openings), tuple(erased))
    except msgspec.DecodeError:  # somebody has changed it: so it opens nothing
        return TextRow(event, position, {}, tuple(erased))


def _opening(row: TextRow | None, ref: str) -> Opening | Absent:
    for opening in row.openings.values() if row else ():
        if opens(opening, ref):
            return opening
    return Absent.ERASED if row and row.erased else Absent.ALTERED
