"""The texts of a log held to its entries, in one pass: each is the one recorded, or was erased, or withheld."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from ledger.domain.texts import event_of, opens
from ledger.domain.values import Classification
from ledger.services.absent_texts import AbsentTexts, erased_by
from ledger.store.checks import LogRow, Snapshot
from ledger.store.entry_texts import (
    UNREADABLE,
    EntryTexts,
    all_opened,
    bare_references,
    bears_on_classes,
    entry_texts,
    glance,
)
from ledger.store.texts import TextRow

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
        events = {row.position: event_of(found[0]) for row in rows if (found := bare_references(row.entry))}
        held = self._snapshot.texts(events.values())
        for row in rows:
            if bears_on_classes(row.entry) and (said := _said(row.entry)) and said.classification is not None:
                self._absent.classify(row.stream, said.classification)
            if row.position in events:
                event = events[row.position]
                self._rows += event in held
                if not self._is_whole(row, held.get(event)):
                    self._check(row, event, held.get(event))
            self._take_erasure(row)

    def _is_whole(self, row: LogRow, held: TextRow | None) -> bool:
        """All texts of the row are there, and are those that were recorded: as nearly always, and quickly seen."""
        if held is None or held.position != row.position:
            return False
        try:
            whole = all_opened(row.entry, glance(row.entry), held.openings)
        except UNREADABLE:
            return False
        self.texts += len(held.openings) if whole else 0
        return whole

    def _check(self, row: LogRow, event: UUID, held: TextRow | None) -> None:
        said, openings = _said(row.entry), held.openings if held else {}
        references = said.references if said else {}
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
        except UNREADABLE:
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
    except UNREADABLE:
        return None
