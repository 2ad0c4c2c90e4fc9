"""`ledger archive verify`: all of an archive follows from its entries, and was signed. No database and no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ledger.domain.values import Classification
from ledger.errors import EntryError
from ledger.merkle import checkpoints, notes
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.merkle.tiles import LEVELS, TILE_WIDTH, Tile, split_hashes, tile_of, tile_root
from ledger.merkle.tree import Frontier
from ledger.services.absent_texts import Place
from ledger.services.archive import layout, reading, texts
from ledger.services.archive.export import Progress
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.leaves import Leaves
from ledger.services.archive.readers import readers
from ledger.services.archive.texts_check import Counts, Known
from ledger.services.key_history import KeyHistory, KeyRecord, Unsigned, key_record
from ledger.services.vouching import NOBODY, Quorum, Signatures, Vouched, Witnessed, Witnesses
from ledger.store.locale import Locale

Said = TypeVar("Said")


class Verified(Struct, frozen=True):
    """An archive that holds together, up to its newest checkpoint."""

    newest: Checkpoint
    past: int
    """How many checkpoints it holds that are older."""
    texts: int
    """How many texts it holds of its entries."""
    erased: int
    """Texts that it lacks, by an event in it that says so."""
    withheld: int
    """Texts that it lacks because they are classified higher than `highest`."""
    highest: Classification | None
    """Up to which classification it has the texts; None when it has none at all."""
    locale: Locale | None
    """By what its ledger counts days: its own word, which nothing proves."""
    keys: tuple[Vouched, ...] = ()
    """Which key of the log stands for which of its checkpoints; none when no signature was verified."""
    unsigned: tuple[Unsigned, ...] = ()
    """Records of keys that no trusted key has signed, and which were not believed."""
    witnesses: tuple[Witnessed, ...] = ()
    """The witnesses that stand for the newest checkpoint."""


def verify(
    folder: Path,
    trusted: Sequence[VerifierKey] | None,
    progress: Progress,
    quorum: Quorum = NOBODY,
    workers: int | None = None,
) -> Verified:
    """Every tile and every root follows from the entries, every checkpoint was signed by a key that counts, and every
    reference in an entry has its text, or was erased by an event in the log, or is of a class that is left out.

    These are the trusted ones, and those that the records in the log bring in (`KeyHistory`). All checkpoints have
    their roots over prefixes of the same entries: so each is consistent with the next. With `trusted` None no signature
    of the log is verified. Files beyond the newest checkpoint, which an export that was killed may have left, are
    passed over. Raises `ArchiveError`, which names the first file or position that is wrong, also when fewer witnesses
    than the quorum wants have cosigned the newest checkpoint.
    """
    newest = _checkpoint(folder, layout.CHECKPOINT, trusted)
    past = []
    for size in layout.past_sizes(folder):
        path = layout.past_path(size)
        each = _checkpoint(folder, path, trusted)
        if each.size != size:
            raise ArchiveError(path, f"it is a checkpoint over {each.size} entries")
        if each.origin != newest.origin:
            raise ArchiveError(path, f"it is a checkpoint of {each.origin}, and the archive is of {newest.origin}")
        if size <= newest.size:
            past.append((path, each))
    claims = (*past, (layout.CHECKPOINT, newest))
    with readers(folder, newest.size, workers) as read:
        tree = _Tree(folder, newest.size, read.leaves())
        for path, each in claims:
            for done in tree.grow(each.size):
                progress(done // 2, newest.size)
            if tree.root != each.root:
                raise ArchiveError(
                    path, f"its root is {each.root.hex()}, and its {each.size} entries give {tree.root.hex()}"
                )
        tree.check_partial([each.size for _, each in past])
        history = KeyHistory(trusted or (), tree.key_records)
        signatures, witnesses = Signatures(history), Witnesses(quorum)
        for path, _ in claims if trusted is not None else ():
            _said(path, reading.content(folder, path), signatures.read)
        _said(layout.CHECKPOINT, reading.content(folder, layout.CHECKPOINT), witnesses.read)
        lacking = witnesses.lacking(newest.size)
        if lacking is not None:
            raise ArchiveError(layout.CHECKPOINT, lacking)
        texts.check_names(folder)
        counts = Counts()
        for index, found in enumerate(read.texts(Known(tree.erasures, tree.classes))):
            counts.add(found)
            progress((newest.size + min((index + 1) * TILE_WIDTH, newest.size)) // 2, newest.size)
    progress(newest.size, newest.size)
    return Verified(
        newest,
        sum(each.size < newest.size for _, each in past),
        counts.texts,
        counts.erased,
        counts.withheld,
        texts.highest_class(folder),
        layout.locale(folder),
        signatures.vouched,
        history.unsigned,
        witnesses.witnessed,
    )


class _Tree:
    """The tree over an archive's entries, grown from their leaf hashes, and its tiles compared as these become full."""

    def __init__(self, folder: Path, size: int, leaves: Iterator[Leaves]) -> None:
        self._folder = folder
        self._size = size
        self._leaves = leaves
        self._at = 0
        self._full = Frontier()
        """Over the roots of full tiles of level 0."""
        self._rest = Frontier()
        """Over the leaves behind these, up to where the tree has grown."""
        self._root: bytes | None = None
        """Of the last tile of level 0 that was read, if it is full."""
        self._pending: list[list[bytes]] = [[] for _ in range(LEVELS)]
        """By level: the hashes of the last tile read, or not yet full."""
        self.key_records: list[KeyRecord] = []
        """What the entries say of the keys that sign the log."""
        self.erasures: list[tuple[int, Place]] = []
        """(position, text) for each text that an entry says was erased."""
        self.classes: dict[str, Classification] = {}
        """By stream: how the task that began there was classified."""

    @property
    def root(self) -> bytes:
        """The root over the entries up to where the tree has grown."""
        return Frontier(self._at, self._full.peaks + self._rest.peaks).root

    def grow(self, size: int) -> Iterator[int]:
        """The tree is grown to that size; yields the sizes at which it has taken in one more bundle."""
        while self._at < size:
            index, offset = divmod(self._at, TILE_WIDTH)
            if offset == 0:
                self._take(index, next(self._leaves))
            end = min(size - index * TILE_WIDTH, TILE_WIDTH)
            if end < TILE_WIDTH or self._root is None:
                self._rest = self._rest.with_leaves(self._pending[0][offset:end])
            else:
                self._push(1, index, self._root)
                self._full = self._full.with_leaf(self._root)
                self._rest = Frontier()
            self._at = index * TILE_WIDTH + end
            yield self._at

    def _take(self, index: int, leaves: Leaves) -> None:
        """The next bundle, whose leaf hashes are those of its tile, counts."""
        self._pending[0] = split_hashes(leaves.hashes)
        self._root = leaves.root
        for position, entry in leaves.of_keys:
            try:
                record = key_record(position, entry)
            except EntryError as error:
                raise ArchiveError(tile_of(self._size, 0, index).entries_path, str(error), position) from error
            self.key_records += [record] if record else []
        self.erasures += leaves.erasures
        for stream, classification in leaves.classes:
            self.classes.setdefault(stream, classification)

    def _push(self, level: int, index: int, root: bytes) -> None:
        """The tile of that index on the level below is full: its root has its place on this level."""
        hashes = self._pending[level]
        if len(hashes) == TILE_WIDTH:
            hashes.clear()
        hashes.append(root)
        if len(hashes) == TILE_WIDTH:
            full = Tile(level, index // TILE_WIDTH)
            joined = b"".join(hashes)
            reading.check_hashes(self._folder, full, joined)
            self._push(level + 1, full.index, tile_root(joined))

    def check_partial(self, sizes: Sequence[int]) -> None:
        """The partial tiles of the newest and of the past checkpoints are those of the tree, grown to its full size."""
        for tile in layout.partial_tiles(self._size, sizes):
            reading.check_hashes(self._folder, tile, b"".join(self._pending[tile.level][: tile.width]))
            if tile.level == 0:
                last = reading.bundle(self._folder, tile_of(self._size, 0, tile.index))
                if reading.bundle(self._folder, tile).entries != last.entries[: tile.width]:
                    raise ArchiveError(tile.entries_path, "its entries are not those of the wider bundle")


def _checkpoint(folder: Path, path: str, trusted: Sequence[VerifierKey] | None) -> Checkpoint:
    """The checkpoint in that file. No trusted key's signature under it is false; whether one is there is seen later."""

    def read(content: bytes) -> Checkpoint:
        note = notes.parse(content)
        notes.signed(note, trusted or ())
        return checkpoints.parse_text(note.text)

    return _said(path, reading.content(folder, path), read)


def _said(path: str, note: bytes, read: Callable[[bytes], Said]) -> Said:
    """What is read from the note; raises `ArchiveError` when it is none, or not signed as it should be."""
    try:
        return read(note)
    except (NoteError, CheckpointError) as error:
        raise ArchiveError(path, str(error)) from error
