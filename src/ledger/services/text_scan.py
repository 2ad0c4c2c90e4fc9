"""The texts of a log held to its entries, in one pass: each is the one recorded, or was erased, or withheld."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec
from msgspec import Struct

from ledger.domain.events import TextsErased
from ledger.domain.texts import event_of, opens
from ledger.domain.values import Classification
from ledger.store.checks import LogRow, Snapshot
from ledger.store.texts import UNCLASSIFIED, TextRow, classification_of, entry_references, is_above

Find = Callable[[str, int | None, str], None]
"""Called with (name of the finding, position, what)."""
Place = tuple[UUID, str]
"""(event, path of a text in it)."""


class _Data(Struct, frozen=True):
    texts: tuple[_Erased, ...]


class _Erased(Struct, frozen=True):
    event: UUID
    fields: tuple[str, ...]


class _Event(Struct, frozen=True):
    data: _Data


class _Entry(Struct, frozen=True):
    event: _Event


_erasure = msgspec.json.Decoder(_Entry)


class TextScan:
    """Takes the rows of a log in order. What it counts holds once the log is read and `finish` was called."""

    def __init__(self, snapshot: Snapshot, find: Find) -> None:
        self._snapshot = snapshot
        self._find = find
        self._restored_without = snapshot.withheld()
        self._classes: dict[str, Classification] = {}
        self._missing: dict[Place, int] = {}
        """The position of each text that has not been found, nor its erasure yet."""
        self._erased: dict[Place, int] = {}
        """By what was erased: the position of the event that says so."""
        self._rows = 0
        self.texts = 0
        self.erased = 0
        self.withheld = 0

    @property
    def withheld_above(self) -> Classification | None:
        """The classification above which the ledger was restored without texts; None when all were put back."""
        return self._restored_without.above if self._restored_without else None

    def take(self, rows: Sequence[LogRow]) -> None:
        """The next rows of the log."""
        references = {row.position: found for row in rows if (found := _references(row.entry))}
        ids = {position: event_of(next(iter(found.values()))) for position, found in references.items()}
        held = self._snapshot.texts(ids.values())
        for row in rows:
            if row.version == 1 and row.stream.startswith("task/"):
                self._classes[row.stream] = _class(row.entry)
            if row.position in references:
                event = ids[row.position]
                self._check(row, event, references[row.position], held.get(event))
            if row.type == TextsErased.type_name:
                self._take_erasure(row)

    def _check(self, row: LogRow, event: UUID, references: dict[str, str], held: TextRow | None) -> None:
        openings = held.openings if held else {}
        self._rows += held is not None
        for path, ref in references.items():
            if path not in openings:
                # One that was erased before it was withheld counts as erased.
                if self._is_withheld(row.position, row.stream) and not (held and path in held.erased):
                    self.withheld += 1
                else:
                    self._missing[event, path] = row.position
            elif not opens(openings[path], ref):
                self._find("TEXT_ALTERED", row.position, f"{path}: the text or its salt is not what was recorded")
            else:
                self.texts += 1
        for path in sorted(openings.keys() - references.keys()):
            self._find("TEXT_STRAY", row.position, f"{path}: there is a text, and the entry has no reference to it")
        if held is not None and held.position != row.position:
            self._find(
                "TEXT_STRAY", row.position, f"the texts of event {event} are said to be of position {held.position}"
            )

    def _take_erasure(self, row: LogRow) -> None:
        """What the event says was erased is not there."""
        try:
            named = _erasure.decode(row.entry).event.data.texts
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # the entry is found to be unreadable anyway, or is one of another type in disguise
        held = self._snapshot.texts(each.event for each in named)
        for each in named:
            for path in each.fields:
                self._erased[each.event, path] = row.position
                if each.event in held and path in held[each.event].openings:
                    what = (
                        f"{path} of event {each.event}: there is a text, and it was erased at position {row.position}"
                    )
                    self._find("TEXT_PUT_BACK", held[each.event].position, what)

    def finish(self) -> None:
        """What is missing is judged by what the whole log says."""
        for (event, path), position in self._missing.items():
            if (event, path) in self._erased:
                self.erased += 1
            else:
                what = f"{path} of event {event}: there is no text, and no event says that it was erased"
                self._find("TEXT_MISSING", position, what)
        if self._snapshot.text_rows() != self._rows and (stray := self._snapshot.stray_text()):
            event, position = stray
            self._find("TEXT_STRAY", position, f"there are texts of event {event}, and no such event at this position")

    def _is_withheld(self, position: int, stream: str) -> bool:
        without = self._restored_without
        return (
            without is not None
            and position < without.before
            and is_above(self._classes.get(stream, UNCLASSIFIED), without.above)
        )


def _references(entry: bytes) -> dict[str, str]:
    try:
        return entry_references(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _class(entry: bytes) -> Classification:
    try:
        return classification_of(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNCLASSIFIED
