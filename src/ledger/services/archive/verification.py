"""`ledger archive verify`: all of an archive follows from its entries, and was signed. No database and no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from ledger.domain.values import Classification
from ledger.errors import EntryError
from ledger.merkle import bundles, checkpoints, notes
from ledger.merkle.bundles import BundleError
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.hashing import HASH_SIZE, leaf_hash
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.merkle.tiles import TILE_WIDTH, Tile, tile_of, tile_root
from ledger.merkle.tree import Frontier
from ledger.services.absent_texts import Place
from ledger.services.archive import layout
from ledger.services.archive.export import Progress
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.texts_check import TextsCheck, erased
from ledger.services.key_history import KeyHistory, KeyRecord, Unsigned, key_record
from ledger.services.vouching import NOBODY, Quorum, Signatures, Vouched, Witnessed, Witnesses
from ledger.store.append import Locale
from ledger.store.tiles import LEVELS

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
    folder: Path, trusted: Sequence[VerifierKey] | None, progress: Progress, quorum: Quorum = NOBODY
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
    tree = _Tree(folder, newest.size)
    for path, each in (*past, (layout.CHECKPOINT, newest)):
        for done in tree.grow(each.size):
            progress(done, newest.size)
        if tree.root != each.root:
            raise ArchiveError(
                path, f"its root is {each.root.hex()}, and its {each.size} entries give {tree.root.hex()}"
            )
    tree.check_partial([each.size for _, each in past])
    history = KeyHistory(trusted or (), tree.key_records)
    signatures, witnesses = Signatures(history), Witnesses(quorum)
    for path, _ in (*past, (layout.CHECKPOINT, newest)) if trusted is not None else ():
        _said(path, _read(folder, path), signatures.read)
    _said(layout.CHECKPOINT, _read(folder, layout.CHECKPOINT), witnesses.read)
    lacking = witnesses.lacking(newest.size)
    if lacking is not None:
        raise ArchiveError(layout.CHECKPOINT, lacking)
    checked = _check_texts(folder, newest.size, tree.erasures)
    progress(newest.size, newest.size)
    older = sum(each.size < newest.size for _, each in past)
    locale = layout.locale(folder)
    return Verified(
        newest,
        older,
        checked.texts,
        checked.erased,
        checked.withheld,
        checked.highest,
        locale,
        signatures.vouched,
        history.unsigned,
        witnesses.witnessed,
    )


def entries(folder: Path, size: int) -> Iterator[list[bytes]]:
    """The entries of an archive up to that size, by bundle. Raises `ArchiveError` for a bundle that is not whole."""
    for index in range(-(-size // TILE_WIDTH)):
        yield _entries(folder, tile_of(size, 0, index))


def _entries(folder: Path, tile: Tile) -> list[bytes]:
    path, whole = tile.entries_path, Tile(0, tile.index).entries_path
    fallback = _falls_back(folder, path, whole)
    try:
        found = bundles.decode(_read(folder, whole if fallback else path))
    except BundleError as error:
        raise ArchiveError(path, str(error), tile.index * TILE_WIDTH + error.index) from error
    if fallback:
        found = found[: tile.width]
    if len(found) != tile.width:
        missing = tile.index * TILE_WIDTH + min(len(found), tile.width)
        raise ArchiveError(path, f"{len(found)} entries stand where there are {tile.width}", missing)
    return found


def _check_texts(folder: Path, size: int, erasures: Sequence[tuple[int, Place]]) -> TextsCheck:
    """Every text that an entry has a reference to is there, or may be absent; nothing else is there."""
    check = TextsCheck(folder, size, erasures)
    for index, bundle in enumerate(entries(folder, size)):
        check.take(index, bundle, tile_of(size, 0, index).entries_path)
    check.finish()
    return check


class _Tree:
    """The tree over an archive's entries, grown from them and compared with the tiles as these become full."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._at = 0
        self._full = Frontier()
        """Over the roots of full tiles of level 0."""
        self._rest = Frontier()
        """Over the leaves behind these, up to where the tree has grown."""
        self._pending: list[list[bytes]] = [[] for _ in range(LEVELS)]
        """By level: the hashes of the last tile read, or not yet full."""
        self._entries: list[bytes] = []
        self.key_records: list[KeyRecord] = []
        """What the entries say of the keys that sign the log."""
        self.erasures: list[tuple[int, Place]] = []
        """(position, text) for each text that an entry says was erased."""

    @property
    def root(self) -> bytes:
        """The root over the entries up to where the tree has grown."""
        return Frontier(self._at, self._full.peaks + self._rest.peaks).root

    def grow(self, size: int) -> Iterator[int]:
        """The tree is grown to that size; yields the sizes at which it has taken in one more bundle."""
        while self._at < size:
            index, offset = divmod(self._at, TILE_WIDTH)
            if offset == 0:
                self._take(tile_of(self._size, 0, index))
            end = min(size - index * TILE_WIDTH, TILE_WIDTH)
            if end < TILE_WIDTH:
                self._rest = self._rest.with_leaves(self._pending[0][offset:end])
            else:
                self._full = self._full.with_leaf(self._push(0, index))
                self._rest = Frontier()
            self._at = index * TILE_WIDTH + end
            yield self._at

    def _take(self, tile: Tile) -> None:
        """The next bundle is read, and its leaf hashes are those of its tile."""
        self._entries = _entries(self._folder, tile)
        self._pending[0] = [leaf_hash(entry) for entry in self._entries]
        self._compare(tile, self._pending[0])
        for position, entry in enumerate(self._entries, tile.index * TILE_WIDTH):
            try:
                record = key_record(position, entry)
            except EntryError as error:
                raise ArchiveError(tile.entries_path, str(error), position) from error
            self.key_records += [record] if record else []
            self.erasures += [(position, place) for place in erased(tile.entries_path, position, entry)]

    def _push(self, level: int, index: int) -> bytes:
        """The tile of that level is full: its root has its place in the level above, and is returned."""
        root = tile_root(b"".join(self._pending[level]))
        above = self._pending[level + 1]
        if len(above) == TILE_WIDTH:
            above.clear()
        above.append(root)
        if len(above) == TILE_WIDTH:
            full = Tile(level + 1, index // TILE_WIDTH)
            self._compare(full, above)
            self._push(full.level, full.index)
        return root

    def check_partial(self, sizes: Sequence[int]) -> None:
        """The partial tiles of the newest and of the past checkpoints are those of the tree, grown to its full size."""
        for tile in layout.partial_tiles(self._size, sizes):
            self._compare(tile, self._pending[tile.level][: tile.width])
            if tile.level == 0 and _entries(self._folder, tile) != self._entries[: tile.width]:
                raise ArchiveError(tile.entries_path, "its entries are not those of the wider bundle")

    def _compare(self, tile: Tile, hashes: list[bytes]) -> None:
        expected, whole = b"".join(hashes), Tile(tile.level, tile.index).path
        if _falls_back(self._folder, tile.path, whole):
            content = _read(self._folder, whole)[: tile.byte_length]
        else:
            content = _read(self._folder, tile.path)
        if content == expected:
            return
        if len(content) != len(expected):
            raise ArchiveError(tile.path, f"it has {len(content)} bytes, and not {len(expected)}")
        offset = next(n for n in range(tile.width) if content[n * HASH_SIZE : (n + 1) * HASH_SIZE] != hashes[n])
        if tile.level == 0:
            reason = f"the entry in {tile.entries_path} does not have the leaf hash in {tile.path}"
            raise ArchiveError(tile.entries_path, reason, tile.index * TILE_WIDTH + offset)
        below = Tile(tile.level - 1, tile.index * TILE_WIDTH + offset)
        raise ArchiveError(tile.path, f"its hash {offset} is not the root of {below.path}")


def _falls_back(folder: Path, path: str, whole: str) -> bool:
    """A partial tile or bundle has given way to the full one: C2SP tlog-tiles, "Partial Tiles"."""
    return not (folder / path).exists() and (folder / whole).exists()


def _checkpoint(folder: Path, path: str, trusted: Sequence[VerifierKey] | None) -> Checkpoint:
    """The checkpoint in that file. No trusted key's signature under it is false; whether one is there is seen later."""

    def read(content: bytes) -> Checkpoint:
        note = notes.parse(content)
        notes.signed(note, trusted or ())
        return checkpoints.parse_text(note.text)

    return _said(path, _read(folder, path), read)


def _said(path: str, note: bytes, read: Callable[[bytes], Said]) -> Said:
    """What is read from the note; raises `ArchiveError` when it is none, or not signed as it should be."""
    try:
        return read(note)
    except (NoteError, CheckpointError) as error:
        raise ArchiveError(path, str(error)) from error


def _read(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise ArchiveError(path, error.strerror or str(error)) from error
