"""The texts of a log held to its entries, in one pass: each is the one recorded, or was erased, or withheld."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import msgspec

from ledger.domain.texts import event_of, opens
from ledger.domain.values import Classification
from ledger.services.absent_texts import AbsentTexts, erased_by
from ledger.store.checks import LogRow, Snapshot
from ledger.store.texts import EntryTexts, TextRow, entry_texts

Find = Callable[[str, int | None, str], None]
"""Called with (name of the finding, position, what)."""


class TextScan:
    """Takes the rows of a log in order. What it counts holds once the log is read and `finish` was called."""

    def __init__(self, snapshot: Snapshot, find: Find) -> None:
        self._snapshot = snapshot
        self._find = find
        self._restored_without = snapshot.withheld()
        self._absent = AbsentTexts(self._restored_without)
        self._rows = 0
        self.texts = 0

    @property
    def erased(self) -> int:
        """Texts that are not there, by an event that says so."""
        return self._absent.erased

    @property
    def withheld(self) -> int:
        """Texts that the ledger was restored without."""
        return self._absent.withheld

    @property
    def withheld_above(self) -> Classification | None:
        """The classification above which the ledger was restored without texts; None when all were put back."""
        return self._restored_without.above if self._restored_without else None

    def take(self, rows: Sequence[LogRow]) -> None:
        """The next rows of the log."""
        said = {row.position: found for row in rows if (found := _said(row.entry))}
        references = {position: each.references for position, each in said.items() if each.references}
        ids = {position: event_of(next(iter(found.values()))) for position, found in references.items()}
        held = self._snapshot.texts(ids.values())
        for row in rows:
            of_entry = said.get(row.position)
            if of_entry and of_entry.classification is not None:
                self._absent.classify(row.stream, of_entry.classification)
            if row.position in references:
                event = ids[row.position]
                self._check(row, event, references[row.position], held.get(event))
            self._take_erasure(row)

    def _check(self, row: LogRow, event: UUID, references: dict[str, str], held: TextRow | None) -> None:
        openings = held.openings if held else {}
        self._rows += held is not None
        for path, ref in references.items():
            if path not in openings:
                # One that was erased before it was withheld counts as erased.
                erased = held is not None and path in held.erased
                self._absent.absent(row.position, row.stream, (event, path), erased=erased)
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
            named = erased_by(row.entry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # the entry is found to be unreadable anyway, or is one of another type in disguise
        held = self._snapshot.texts({event for event, _ in named}) if named else {}
        for event, path in named:
            self._absent.erase((event, path), row.position)
            if event in held and path in held[event].openings:
                what = f"{path} of event {event}: there is a text, and it was erased at position {row.position}"
                self._find("TEXT_PUT_BACK", held[event].position, what)

    def finish(self) -> None:
        """What is missing is judged by what the whole log says."""
        for position, (event, path) in self._absent.missing():
            what = f"{path} of event {event}: there is no text, and no event says that it was erased"
            self._find("TEXT_MISSING", position, what)
        if self._snapshot.text_rows() != self._rows and (stray := self._snapshot.stray_text()):
            event, position = stray
            self._find("TEXT_STRAY", position, f"there are texts of event {event}, and no such event at this position")


def _said(entry: bytes) -> EntryTexts | None:
    try:
        return entry_texts(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
