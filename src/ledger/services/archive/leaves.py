"""What one bundle gives to the tree over an archive's entries, and what its entries say that counts for others."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ledger.domain.values import Classification
from ledger.merkle.hashing import leaf_hashes
from ledger.merkle.tiles import TILE_WIDTH, tile_of, tile_root
from ledger.services.absent_texts import Place, erased_by, may_erase
from ledger.services.archive import reading
from ledger.services.archive.layout import ArchiveError
from ledger.services.key_history import may_be_of_keys
from ledger.store.entry_texts import UNREADABLE, bears_on_classes, entry_texts


class Leaves(Struct, frozen=True):
    """A bundle whose entries have the leaf hashes of its tile."""

    hashes: bytes
    """The leaf hashes, joined."""
    root: bytes | None
    """Of the tile; None when it is not full."""
    of_keys: list[tuple[int, bytes]]
    """(position, entry) of those that may be records of keys."""
    erasures: list[tuple[int, Place]]
    """(position, text) for each text that an entry says was erased."""
    classes: list[tuple[str, Classification]]
    """(stream, class) for each task that begins here."""


def leaves(folder: Path, size: int, index: int) -> Leaves:
    """What the bundle of that index gives in an archive of that size. Raises `ArchiveError` for the first wrong entry.

    Nothing is decoded but what is looked for: a mark in the bytes of the whole bundle says whether it can be there.
    """
    bundle = reading.bundle(folder, tile_of(size, 0, index))
    hashes = leaf_hashes(bundle.entries)
    reading.check_hashes(folder, bundle.tile, hashes)
    first, path = index * TILE_WIDTH, bundle.tile.entries_path
    numbered = list(enumerate(bundle.entries, first))
    return Leaves(
        hashes,
        tile_root(hashes) if bundle.tile.is_full else None,
        [each for each in numbered if may_be_of_keys(each[1])] if may_be_of_keys(bundle.content) else [],
        _erasures(path, numbered) if may_erase(bundle.content) else [],
        _classes(path, numbered) if bears_on_classes(bundle.content) else [],
    )


def _erasures(path: str, numbered: list[tuple[int, bytes]]) -> list[tuple[int, Place]]:
    found = []
    for position, entry in numbered:
        try:
            found += [(position, place) for place in erased_by(entry)]
        except UNREADABLE as error:
            raise ArchiveError(path, f"what it erases cannot be read: {error}", position) from error
    return found


def _classes(path: str, numbered: list[tuple[int, bytes]]) -> list[tuple[str, Classification]]:
    found = []
    for position, entry in numbered:
        try:
            said = entry_texts(entry) if bears_on_classes(entry) else None
        except UNREADABLE as error:
            raise ArchiveError(path, f"the entry cannot be read: {error}", position) from error
        if said is not None and said.classification is not None:
            found.append((said.stream, said.classification))
    return found
