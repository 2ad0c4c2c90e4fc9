"""Why a text that an entry has a reference to may be absent: it was erased, or left out because of its class."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec
from msgspec import Struct

from ledger.domain.events import TextsErased
from ledger.domain.values import Classification
from ledger.store.entry_texts import UNCLASSIFIED, Withheld, is_above

Place = tuple[UUID, str]
"""(event, path of a text in it)."""

_MARK = f'"type":"{TextsErased.type_name}"'.encode()
"""Canonical JSON has no other spelling, and a text has its quotation marks escaped."""


class _Erased(Struct, frozen=True):
    event: UUID
    fields: tuple[str, ...]


class _Data(Struct, frozen=True):
    texts: tuple[_Erased, ...]


class _Event(Struct, frozen=True):
    data: _Data


class _Entry(Struct, frozen=True):
    event: _Event


_erasure = msgspec.json.Decoder(_Entry)


def may_erase(content: bytes) -> bool:
    """The entry, or an entry in the bundle, may say that texts were erased."""
    return _MARK in content


def erased_by(entry: bytes) -> list[Place]:
    """The texts that the entry says were erased; none when it is about something else.

    Raises `msgspec.DecodeError` for one that cannot be read.
    """
    if not may_erase(entry):
        return []
    return [(each.event, path) for each in _erasure.decode(entry).event.data.texts for path in each.fields]


class AbsentTexts:
    """Judges the texts of a log that are not there; `left_out` is what was left out because of its class, if any was.

    A stream's class is to be said before its texts are asked about; erasures may come at any time before `missing`.
    """

    def __init__(self, left_out: Withheld | None) -> None:
        self._left_out = left_out
        self._classes: dict[str, Classification] = {}
        self._erased: dict[Place, int] = {}
        self._pending: dict[Place, int] = {}
        """The position of each text that is not there, and that was not left out."""
        self.withheld = 0
        """Texts that were left out because of their class."""

    def classify(self, stream: str, classification: Classification) -> None:
        """The task of that stream is of that class."""
        self._classes[stream] = classification

    def erase(self, place: Place, position: int) -> None:
        """The event at that position says that the text was erased."""
        self._erased[place] = position

    def erased_at(self, place: Place) -> int | None:
        """The position of the event that says, as far as is known, that the text was erased."""
        return self._erased.get(place)

    def absent(self, position: int, stream: str, place: Place, *, erased: bool = False) -> None:
        """The text of the entry at that position is not there; `erased`: it is known not to have been left out."""
        if not erased and self.is_left_out(position, stream):
            self.withheld += 1
        else:
            self._pending[place] = position

    def is_left_out(self, position: int, stream: str) -> bool:
        """Texts of that stream were left out at that position. What is no task counts as `UNCLASSIFIED`."""
        left_out = self._left_out
        return (
            left_out is not None
            and position < left_out.before
            and is_above(self._classes.get(stream, UNCLASSIFIED), left_out.above)
        )

    @property
    def erased(self) -> int:
        """How many of those that are not there were erased."""
        return sum(place in self._erased for place in self._pending)

    def missing(self) -> Iterator[tuple[int, Place]]:
        """(position, place) of those that nothing excuses, in the order in which they were found absent."""
        return ((position, place) for place, position in self._pending.items() if place not in self._erased)
