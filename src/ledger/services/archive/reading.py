"""The files of an archive, read as C2SP tlog-tiles lets them lie: a partial one may have given way to the full one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ledger.merkle import bundles
from ledger.merkle.bundles import BundleError
from ledger.merkle.hashing import HASH_SIZE
from ledger.merkle.tiles import TILE_WIDTH, Tile, tile_of
from ledger.services.archive.layout import ArchiveError


def content(folder: Path, path: str) -> bytes:
    """All bytes of a file. Raises `ArchiveError`."""
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise ArchiveError(path, error.strerror or str(error)) from error


def count(size: int) -> int:
    """How many bundles an archive of so many entries has."""
    return -(-size // TILE_WIDTH)


class Bundle(Struct, frozen=True):
    """The entries of one tile of level 0."""

    tile: Tile
    content: bytes
    """The bytes of all of them, and of more where a wider bundle lies there: what is not in these is in no entry."""
    entries: list[bytes]


def bundle(folder: Path, tile: Tile) -> Bundle:
    """The tile's bundle, with as many entries as it is wide. Raises `ArchiveError` for one that is not whole."""
    path, whole = tile.entries_path, Tile(0, tile.index).entries_path
    fallback = _falls_back(folder, path, whole)
    held = content(folder, whole if fallback else path)
    try:
        found = bundles.decode(held)
    except BundleError as error:
        raise ArchiveError(path, str(error), tile.index * TILE_WIDTH + error.index) from error
    if fallback:
        found = found[: tile.width]
    if len(found) != tile.width:
        missing = tile.index * TILE_WIDTH + min(len(found), tile.width)
        raise ArchiveError(path, f"{len(found)} entries stand where there are {tile.width}", missing)
    return Bundle(tile, held, found)


def all_bundles(folder: Path, size: int) -> Iterator[Bundle]:
    """The bundles of an archive of that size, in order. Raises `ArchiveError`."""
    for index in range(count(size)):
        yield bundle(folder, tile_of(size, 0, index))


def check_hashes(folder: Path, tile: Tile, expected: bytes) -> None:
    """The tile holds exactly these hashes, joined. Raises `ArchiveError`, which names the first one that differs."""
    whole = Tile(tile.level, tile.index).path
    fallback = _falls_back(folder, tile.path, whole)
    held = content(folder, whole)[: tile.byte_length] if fallback else content(folder, tile.path)
    if held == expected:
        return
    if len(held) != len(expected):
        raise ArchiveError(tile.path, f"it has {len(held)} bytes, and not {len(expected)}")
    offset = next(at for at in range(len(held)) if held[at] != expected[at]) // HASH_SIZE
    if tile.level == 0:
        reason = f"the entry in {tile.entries_path} does not have the leaf hash in {tile.path}"
        raise ArchiveError(tile.entries_path, reason, tile.index * TILE_WIDTH + offset)
    below = Tile(tile.level - 1, tile.index * TILE_WIDTH + offset)
    raise ArchiveError(tile.path, f"its hash {offset} is not the root of {below.path}")


def _falls_back(folder: Path, path: str, whole: str) -> bool:
    """A partial tile or bundle has given way to the full one: C2SP tlog-tiles, "Partial Tiles"."""
    return path != whole and not (folder / path).exists() and (folder / whole).exists()
