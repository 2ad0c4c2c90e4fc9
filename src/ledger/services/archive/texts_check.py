"""The texts of an archive held to its entries: each is the one recorded, or was erased, or is of a class left out."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ledger.domain.texts import Opening, event_of, opens
from ledger.domain.values import Classification
from ledger.merkle.tiles import TILE_WIDTH, tile_of
from ledger.services.absent_texts import Place
from ledger.services.archive import reading, texts
from ledger.services.archive.layout import ArchiveError
from ledger.store.entry_texts import (
    CLASSIFICATIONS,
    UNCLASSIFIED,
    UNREADABLE,
    all_opened,
    bare_references,
    bears_on_texts,
    entry_texts,
    glance,
    is_above,
)


class Known(Struct, frozen=True):
    """What all of an archive's entries say that bears on its texts."""

    erasures: list[tuple[int, Place]]
    """(position, text) for each text that the event there says was erased."""
    classes: dict[str, Classification]
    """By stream: how the task is classified."""


class Counts(Struct):
    """The texts of some entries, all of which are accounted for."""

    texts: int = 0
    """That are there, and are those that were recorded."""
    erased: int = 0
    """That are not there, by an event that says so."""
    withheld: int = 0
    """That are not there because they are classified higher than the archive's class."""

    def add(self, other: Counts) -> None:
        """These are of the other entries as well."""
        self.texts += other.texts
        self.erased += other.erased
        self.withheld += other.withheld


class TextsCheck:
    """Holds the texts of an archive to its entries, a bundle at a time, in any order."""

    def __init__(self, folder: Path, size: int, known: Known) -> None:
        self._folder = folder
        self._size = size
        self._highest = texts.highest_class(folder)
        self._classes = known.classes
        self._left_out = {each for each in CLASSIFICATIONS if self._highest and is_above(each, self._highest)}
        self._erased_at = {place: position for position, place in known.erasures}
        self._erased_events = {event for event, _ in self._erased_at}

    def bundle(self, index: int) -> Counts:
        """Every text of the bundle's entries is there, or was erased, or left out; and nothing else is there.

        Raises `ArchiveError`, which names the file, the position and the field of the first that is not so.
        """
        bundle = reading.bundle(self._folder, tile_of(self._size, 0, index))
        held = texts.read(self._folder, index)
        counts = Counts()
        if held or bears_on_texts(bundle.content):
            for position, entry in enumerate(bundle.entries, index * TILE_WIDTH):
                openings = held.get(position, {})
                if not self._quick(entry, openings, counts):
                    self._thorough(bundle.tile.entries_path, position, entry, openings, counts)
        return counts

    def _quick(self, entry: bytes, openings: dict[str, Opening], counts: Counts) -> bool:
        """What nearly all entries are like is accounted for; False for any other, of which nothing is said."""
        if not openings and not bears_on_texts(entry):
            return True
        try:
            seen = glance(entry)
        except UNREADABLE:
            return False
        left_out = self._is_left_out(seen.stream)
        if left_out and not openings:
            counts.withheld += len(bare_references(entry))
            return True
        if left_out or not openings or not all_opened(entry, seen, openings):
            return False
        if self._erased_events and event_of(bare_references(entry)[0]) in self._erased_events:
            return False
        counts.texts += len(openings)
        return True

    def _thorough(
        self, entries_path: str, position: int, entry: bytes, openings: dict[str, Opening], counts: Counts
    ) -> None:
        path = texts.path_of(position // TILE_WIDTH)
        try:
            said = entry_texts(entry)
        except UNREADABLE as error:
            raise ArchiveError(entries_path, f"the entry cannot be read: {error}", position) from error
        references = said.references if said else {}
        for field in openings.keys() - references.keys():
            raise ArchiveError(path, f"{field}: the entry has no reference to a text there", position)
        if said is None or not references:
            return
        if self._highest is None:
            raise ArchiveError(texts.HIGHEST, "it is not there, and entries have references to texts", position)
        left_out = self._is_left_out(said.stream)
        if openings and left_out:
            raise ArchiveError(path, f"{min(openings)}: it is classified higher than {self._highest}", position)
        event = event_of(next(iter(references.values())))
        for field, ref in references.items():
            erased_at = self._erased_at.get((event, field))
            if field in openings:
                if not opens(openings[field], ref):
                    raise ArchiveError(path, f"{field}: it is not the text that the entry has a reference to", position)
                if erased_at is not None:
                    raise ArchiveError(path, f"{field}: it is there, and was erased at position {erased_at}", position)
                counts.texts += 1
            elif left_out:
                counts.withheld += 1
            elif erased_at is not None:
                counts.erased += 1
            else:
                raise ArchiveError(path, f"{field}: there is no text, and no event says that it was erased", position)

    def _is_left_out(self, stream: str) -> bool:
        """What is no task counts as `UNCLASSIFIED`."""
        return self._classes.get(stream, UNCLASSIFIED) in self._left_out
