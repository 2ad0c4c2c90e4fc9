"""`ledger archive export`: bring an archive up to the newest checkpoint, whatever became of the tries before."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident
from uuid import UUID

from msgspec import Struct

from ledger.domain.events import TextsErased
from ledger.domain.values import Classification
from ledger.errors import BadFile, Fork, IntegrityError, Rollback
from ledger.merkle import bundles, checkpoints
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.hashing import HASH_SIZE, leaf_hash
from ledger.merkle.notes import NoteError
from ledger.merkle.tiles import LEVELS, TILE_WIDTH, Tile, full_tiles
from ledger.services import durable_files
from ledger.services.archive import layout, texts
from ledger.services.exported_texts import ExportedTexts, check_class, check_none_erased
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed
from ledger.store.checkpoints import CheckpointStore
from ledger.store.locale import locale_json

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""

_PART = ".part"
"""What is being written has a name that begins so until it is on disk. One process at a time exports into a folder."""
DEFAULT_CLASS: Classification = "public"
"""An archive is made to be given away: what is classified higher must be asked for."""
_WRITERS = 4
"""Threads that write tiles of the lowest level and texts: most of the time goes by waiting for the disk."""


class Exported(Struct, frozen=True):
    """What an export did."""

    size: int
    entries: int
    """That were not in the archive before, or not for certain."""
    files: int
    """That were written."""


def export(ledger: Ledger, folder: Path, sealed: Sealed, highest: str, progress: Progress) -> Exported:
    """The archive holds the log up to that published checkpoint, which the signer's key has just signed or published.

    The entries are all there, whatever their classification; of the texts that they have references to, those of tasks
    classified up to `highest` that were not erased.

    A file appears under its name when it is whole and on disk; `checkpoint` is the last. An export that was killed is
    taken up by the next. Raises `Rollback` or `Fork` when the archive holds another history, `IntegrityError` when
    entries or texts are not those that were recorded, and `BadFile` for a folder that cannot be written, is in use, or
    has texts up to another classification. Raises `BadQuery` for a classification that cannot be had, and
    `ErasedMeanwhile`.
    """
    up_to = check_class(ledger.texts, highest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _Export(ledger, folder, sealed, up_to).run(progress)
    except OSError as error:
        raise BadFile(str(error.filename or folder), None, error.strerror or str(error)) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BadFile(str(folder), None, "another process is exporting into this folder") from error
    finally:
        os.close(descriptor)


class _Export:
    def __init__(self, ledger: Ledger, folder: Path, sealed: Sealed, highest: Classification) -> None:
        self._log = ledger.log
        self._texts = ledger.texts
        self._highest = highest
        self._tiles = ledger.tiles
        self._published = CheckpointStore(ledger.database)
        self._folder = folder
        self._sealed = sealed
        self._size = sealed.checkpoint.size
        self._writers = min(_WRITERS, ledger.settings.pool_size)
        self._lock = Lock()
        """Over the two that follow."""
        self._files = 0
        self._touched: set[Path] = set()

    def run(self, progress: Progress) -> Exported:
        for part in self._folder.glob(f"{_PART}*"):
            part.unlink()
        held = self._held()
        since = held.size if held else 0
        self._begin_locale()
        self._begin_texts(held)
        self._full_bundles(since, progress)
        for level in range(1, LEVELS):
            for index in range(full_tiles(since, level), full_tiles(self._size, level)):
                self._hashes(Tile(level, index))
        past = [each for each in self._published.after(held.size if held else -1) if each.size <= self._size]
        for tile in layout.partial_tiles(self._size, [each.size for each in past]):
            (self._leaves if tile.level == 0 else self._hashes)(tile)
        for each in past:
            self._write(layout.past_path(each.size), each.note)
        self._write_texts(since)
        self._sync()
        self._write(layout.CHECKPOINT, self._sealed.cosigned)
        self._sync()
        progress(self._size, self._size)
        return Exported(self._size, self._size - since, self._files)

    def _full_bundles(self, since: int, progress: Progress) -> None:
        """The full tiles of the lowest level are there, with their bundles."""
        indexes = range(since // TILE_WIDTH, full_tiles(self._size, 0))
        for index in self._side_by_side(lambda index: self._leaves(Tile(0, index)), indexes):
            progress((index + 1) * TILE_WIDTH, self._size)

    def _side_by_side(self, work: Callable[[int], None], indexes: Sequence[int]) -> Iterator[int]:
        """The work is done for each index, several at a time; yields them in order, each when it is done."""
        with ThreadPoolExecutor(self._writers) as writers:
            try:
                for index, _ in zip(indexes, writers.map(work, indexes), strict=True):
                    yield index
            except BaseException:
                writers.shutdown(cancel_futures=True)
                raise

    def _begin_locale(self) -> None:
        """The archive says by what its ledger counts days; raises `BadFile` when it says something else."""
        locale, said = self._log.locale(), layout.locale(self._folder)
        if said not in (None, locale):
            raise BadFile(str(self._folder), None, f"it is of a ledger that counts days by {said}, not by {locale}")
        if locale is not None:
            self._write(layout.LOCALE, locale_json(locale) + b"\n")
            self._sync()

    def _begin_texts(self, held: Checkpoint | None) -> None:
        """The archive says up to which classification it has texts; raises `BadFile` when it says another."""
        said = texts.highest_class(self._folder)
        if said is None and held is not None:
            raise BadFile(str(self._folder), None, f"it does not say which texts it has ({texts.HIGHEST})")
        if said not in (None, self._highest):
            raise BadFile(
                str(self._folder),
                None,
                f"it has texts up to the class {said}, and not {self._highest}: export into another folder",
            )
        self._write(texts.HIGHEST, f"{self._highest}\n".encode())
        self._sync()

    def _write_texts(self, since: int) -> None:
        """The texts are there as they are now: those of entries from `since` on, and where some were erased since."""
        indexes = set(range(since // TILE_WIDTH, -(-self._size // TILE_WIDTH)))
        for record in self._log.records(since, self._size, types=[TextsErased.type_name]):
            if isinstance(record.event.data, TextsErased):
                rows = self._texts.of_events(UUID(each.event) for each in record.event.data.texts)
                indexes |= {row.position // TILE_WIDTH for row in rows.values()}
        outgoing = ExportedTexts(self._texts, self._highest)

        def write(index: int) -> None:
            first = index * TILE_WIDTH
            found = outgoing.of(self._log.entries(first, min(first + TILE_WIDTH, self._size)))
            content = texts.encode({position: each.openings for position, each in found.items()})
            if content:
                self._write(texts.path_of(index), content)
            else:
                self._remove(texts.path_of(index))

        for _ in self._side_by_side(write, sorted(indexes)):
            pass
        check_none_erased(self._log, self._size)

    def _remove(self, path: str) -> None:
        final = self._folder / path
        if final.is_file():
            final.unlink()
            with self._lock:
                self._touched.add(final.parent)
                self._files += 1

    def _held(self) -> Checkpoint | None:
        """The checkpoint up to which the archive is complete; raises when it is not one of this log's past."""
        note = self._read(layout.CHECKPOINT)
        if note is None:
            return None
        try:
            held = checkpoints.read_unverified(note)
        except (NoteError, CheckpointError) as error:
            raise layout.ArchiveError(layout.CHECKPOINT, str(error)) from error
        if held.origin != self._sealed.checkpoint.origin:
            raise BadFile(
                str(self._folder), None, f"it is the archive of {held.origin}, not of {self._sealed.checkpoint.origin}"
            )
        if held.size > self._size:
            raise Rollback(held.size, self._size)
        found = self._tiles.root(held.size)
        if held.root != found:
            raise Fork(held.size, held.root, found)
        return held

    def _leaves(self, tile: Tile) -> None:
        """The tile of leaf hashes and its entry bundle are there, the bundle first: so where the tile is, both are."""
        content = self._tiles.content(tile)
        if self._read(tile.path) != content or not (self._folder / tile.entries_path).is_file():
            first = tile.index * TILE_WIDTH
            entries = [entry for _, entry in self._log.entries(first, first + tile.width)]
            for offset, entry in enumerate(entries):
                if leaf_hash(entry) != content[offset * HASH_SIZE : (offset + 1) * HASH_SIZE]:
                    raise IntegrityError(
                        f"ALTERED: the entry at position {first + offset} is not the one that was hashed"
                    )
            self._write(tile.entries_path, bundles.encode(entries))
            self._write(tile.path, content)
        self._drop_partial(tile.entries_path)
        self._drop_partial(tile.path)

    def _hashes(self, tile: Tile) -> None:
        self._write(tile.path, self._tiles.content(tile))
        self._drop_partial(tile.path)

    def _drop_partial(self, path: str) -> None:
        """The partial tiles that a full one, which is on disk, has made superfluous are gone."""
        partial = self._folder / f"{path}.p"
        if partial.is_dir():
            self._sync()
            shutil.rmtree(partial)

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, path: str, content: bytes) -> None:
        """The file is whole under its name; its name is on disk after `_sync`."""
        if self._read(path) == content:
            return
        final = self._folder / path
        if not final.parent.is_dir():
            final.parent.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{_PART}-{get_ident()}"
        durable_files.write_synced(part, content)
        part.replace(final)
        with self._lock:
            # The folder may be new, and so its own name not on disk yet.
            self._touched.update(each for each in final.parents if each.is_relative_to(self._folder))
            self._files += 1

    def _sync(self) -> None:
        """The names of all files that were written until now are on disk."""
        with self._lock:
            touched, self._touched = self._touched, set()
        for folder in touched:
            durable_files.sync_folder(folder)
