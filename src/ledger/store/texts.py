"""The side table of texts: what opens the references that entries hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar, get_args
from uuid import UUID

import msgspec
import psycopg
from msgspec import Struct

from ledger.domain.events import Event
from ledger.domain.texts import (
    PREFIX,
    REFERENCE,
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

_SQL = queries.load("ledger.store.sql", "texts.sql")
_NOT_THERE = "LG007"
_QUOTED = f'"{PREFIX}'.encode()
_CLASSIFIED = b'"classification":"'
_BATCH = 2_000
T = TypeVar("T")
_decoder = msgspec.json.Decoder(dict[str, Opening])
_encoder = msgspec.json.Encoder(order="sorted")

CLASSIFICATIONS: tuple[Classification, ...] = get_args(Classification)
"""From what anyone may read to what hardly anyone may."""
UNCLASSIFIED: Classification = "internal"
"""What texts of units, plans, calendars and of the ledger itself count as: tasks are that when nothing else is said."""


class Withheld(Struct, frozen=True):
    """What a restore has left out: texts above this classification, of events before that position."""

    above: Classification
    before: int


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
    return committed, (event.type, encode_event(committed)), texts


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


class _Data(Struct, frozen=True):
    classification: Classification = UNCLASSIFIED


class _Event(Struct, frozen=True):
    data: _Data


class _Entry(Struct, frozen=True):
    event: _Event


class _Plain(Struct, frozen=True):
    event: dict[str, Any]


_classified = msgspec.json.Decoder(_Entry)
_plain = msgspec.json.Decoder(_Plain)


def classification_of(first_entry: bytes) -> Classification:
    """What the first entry of a stream says of its classification."""
    return _classified.decode(first_entry).event.data.classification


def is_above(one: Classification, other: Classification) -> bool:
    """Fewer people may read what is classified as `one`."""
    return CLASSIFICATIONS.index(one) > CLASSIFICATIONS.index(other)


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


class EntryTexts(Struct, frozen=True):
    """What an entry says that bears on texts."""

    stream: str
    classification: Classification | None
    """Of the task that it begins; None for any other entry."""
    references: dict[str, str]
    """By path in the event: the references that it holds."""


def entry_texts(entry: bytes) -> EntryTexts | None:
    """What the entry says that bears on texts, by one decoding; None, by none, when it says nothing of the kind.

    Raises `msgspec.DecodeError` for what is no entry.
    """
    if _QUOTED not in entry and _CLASSIFIED not in entry:
        return None
    event = _plain.decode(entry).event
    stream = msgspec.convert(event.get("stream"), str)
    begins = event.get("version") == 1 and stream.startswith("task/")
    classification = msgspec.convert(event, _Event).data.classification if begins else None
    return EntryTexts(stream, classification, _references(event))


def entry_references(entry: bytes) -> dict[str, str]:
    """By path in the event: the references that the entry holds. Raises `msgspec.DecodeError` for what is no JSON."""
    if _QUOTED not in entry:
        return {}
    decoded = msgspec.json.decode(entry)
    return _references(decoded.get("event") if isinstance(decoded, dict) else None)


def _references(event: object) -> dict[str, str]:
    found: dict[str, str] = {}
    _find_references(event, "", found)
    return found


def _find_references(value: object, path: str, found: dict[str, str]) -> None:
    """As `strings_in` goes, and several times as fast: verifying a log does it for nearly every entry."""
    if isinstance(value, dict):
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, each in items:
        if isinstance(each, str):
            if each.startswith(PREFIX) and REFERENCE.fullmatch(each):
                found[f"{path}{key}"] = each
        elif isinstance(each, dict | list):
            _find_references(each, f"{path}{key}.", found)
