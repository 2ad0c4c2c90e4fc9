"""The texts of an archive held to its entries: each is the one recorded, or was erased, or is of a class left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ledger.domain.texts import Opening, event_of, opens
from ledger.merkle.tiles import TILE_WIDTH
from ledger.services.absent_texts import AbsentTexts, Place, erased_by
from ledger.services.archive import texts
from ledger.services.archive.layout import ArchiveError
from ledger.store.texts import EntryTexts, Withheld, entry_texts

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def erased(path: str, position: int, entry: bytes) -> list[Place]:
    """The texts that the entry, which lies in the file at `path`, says were erased. Raises `ArchiveError`."""
    try:
        return erased_by(entry)
    except _UNREADABLE as error:
        raise ArchiveError(path, f"what it erases cannot be read: {error}", position) from error


class TextsCheck:
    """Takes the bundles of an archive in order, when all that they erase is known. Counts hold after `finish`.

    Raises `ArchiveError`, naming the file, the position and the field.
    """

    def __init__(self, folder: Path, size: int, erasures: Iterable[tuple[int, Place]]) -> None:
        texts.check_names(folder)
        self._folder = folder
        self._size = size
        self.highest = texts.highest_class(folder)
        self._absent = AbsentTexts(Withheld(self.highest, size) if self.highest else None)
        for position, place in erasures:
            self._absent.erase(place, position)
        self.texts = 0

    @property
    def erased(self) -> int:
        """Texts that are not there, by an event that says so."""
        return self._absent.erased

    @property
    def withheld(self) -> int:
        """Texts that are not there because they are classified higher than the archive's class."""
        return self._absent.withheld

    def take(self, index: int, bundle: Sequence[bytes], entries_path: str) -> None:
        """The texts of the next bundle's entries are those recorded; which may be absent is for `finish` to say."""
        path, held = texts.path_of(index), texts.read(self._folder, index)
        for position, entry in enumerate(bundle, index * TILE_WIDTH):
            openings = held.get(position, {})
            try:
                said = entry_texts(entry)
            except _UNREADABLE as error:
                raise ArchiveError(entries_path, f"the entry cannot be read: {error}", position) from error
            if said is not None:
                self._check(path, position, said, openings)
            elif openings:
                raise ArchiveError(path, f"{min(openings)}: the entry has no reference to a text there", position)

    def _check(self, path: str, position: int, said: EntryTexts, openings: dict[str, Opening]) -> None:
        if said.classification is not None:
            self._absent.classify(said.stream, said.classification)
        if said.references and self.highest is None:
            raise ArchiveError(texts.HIGHEST, "it is not there, and entries have references to texts", position)
        for field in openings.keys() - said.references.keys():
            raise ArchiveError(path, f"{field}: the entry has no reference to a text there", position)
        if openings and self._absent.is_left_out(position, said.stream):
            raise ArchiveError(path, f"{min(openings)}: it is classified higher than {self.highest}", position)
        if not said.references:
            return
        event = event_of(next(iter(said.references.values())))
        for field, ref in said.references.items():
            place = event, field
            erased_at = self._absent.erased_at(place)
            if field not in openings:
                self._absent.absent(position, said.stream, place)
            elif not opens(openings[field], ref):
                raise ArchiveError(path, f"{field}: it is not the text that the entry has a reference to", position)
            elif erased_at is not None:
                raise ArchiveError(path, f"{field}: it is there, and was erased at position {erased_at}", position)
            else:
                self.texts += 1

    def finish(self) -> None:
        """Every text that is not there was erased, or is of a class that is left out."""
        for position, (_, field) in self._absent.missing():
            path = texts.path_of(position // TILE_WIDTH)
            raise ArchiveError(path, f"{field}: there is no text, and no event says that it was erased", position)
