"""Where things lie in an archive. What stands under a name of these is whole, and but for `checkpoint` never changes.

The folder is a pure function of the log up to the newest checkpoint and of the checkpoints published until then,
however often, and at whatever sizes in between, it was brought up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ledger.errors import IntegrityError
from ledger.merkle.tiles import LEVELS, TILE_HEIGHT, TILE_WIDTH, Tile, full_tiles
from ledger.store.locale import Locale, read_locale

CHECKPOINT = "checkpoint"
"""The newest checkpoint: all that it covers is there before it is."""
LOCALE = "locale.json"
"""The zone and the calendar by which the ledger counts its days: no entry holds them."""
PAST = "checkpoints"
"""In it, under its size written as tlog-tiles writes an index (`checkpoints/x001/234`): each published checkpoint."""

_INDEX = re.compile(r"(?:x[0-9]{3}/)*[0-9]{3}")


class ArchiveError(IntegrityError):
    """An archive that does not hold together: `file` is the first that is wrong, `position` the entry, if it is one."""

    def __init__(self, file: str, reason: str, position: int | None = None) -> None:
        super().__init__(f"{file}: position {position}: {reason}" if position is not None else f"{file}: {reason}")
        self.file = file
        self.position = position
        self.reason = reason


def locale(folder: Path) -> Locale | None:
    """By what the ledger counts its days, if the archive says so. Raises `ArchiveError`."""
    try:
        return read_locale((folder / LOCALE).read_bytes().removesuffix(b"\n"))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArchiveError(LOCALE, str(error)) from error


def is_index(name: str) -> bool:
    """The name is a number, written as tlog-tiles writes an index."""
    return _INDEX.fullmatch(name) is not None


def past_path(size: int) -> str:
    """Where the checkpoint over so many entries lies; the inverse is `past_sizes`."""
    return Tile(0, size).path.replace("tile/0", PAST)


def past_sizes(folder: Path) -> list[int]:
    """The sizes of the past checkpoints that the archive holds, in order. Raises ArchiveError for a stray file."""
    sizes = []
    for path in (folder / PAST).rglob("*"):
        if not path.is_dir():
            name = path.relative_to(folder / PAST).as_posix()
            size = int(re.sub("[x/]", "", name)) if _INDEX.fullmatch(name) else -1
            if size < 0 or past_path(size) != f"{PAST}/{name}":
                raise ArchiveError(f"{PAST}/{name}", "not the name of a checkpoint")
            sizes.append(size)
    return sorted(sizes)


def partial_tiles(size: int, checkpoints: Iterable[int]) -> list[Tile]:
    """The partial tiles of an archive of that size: those of each checkpoint, as long as the full tile is not there.

    C2SP tlog-tiles, "Partial Tiles": a log has them for the sizes of its checkpoints, until the full one is available.
    """
    sizes = (*checkpoints, size)
    found = set()
    for level in range(LEVELS):
        last = full_tiles(size, level)
        # Of all the checkpoints only those count that lie within the last tile.
        for each in {each >> (TILE_HEIGHT * level) for each in sizes}:
            if each // TILE_WIDTH == last and each % TILE_WIDTH:
                found.add(Tile(level, last, each % TILE_WIDTH))
    return sorted(found)
