"""Tiles: the pieces in which a tree is published, up to 256 hashes of one level each.

The format is C2SP tlog-tiles, tile height 8 (https://c2sp.org/tlog-tiles, "Merkle Tree"). In a tree over the
entries D, hash i of tile `index` on `level` is, with n = 256·index + i, MTH(D[n·256^level : (n+1)·256^level])
of RFC 6962, section 2.1. So level 0 holds leaf hashes, and every higher level the roots of full tiles of the
level below. A full tile never changes again; the last one of a level may be partial.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.merkle.hashing import HASH_SIZE, run_root

if TYPE_CHECKING:
    from collections.abc import Iterator

TILE_HEIGHT: Final = 8
"""Levels of the binary tree that one level of tiles spans."""

TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile: 256, which makes 8,192 bytes."""

MAX_LEVEL: Final = 63
"""The highest level that the format can name."""

LEVELS: Final = 8
"""Levels that are looked at: enough for 2^64 leaves."""

_PATH: Final = re.compile(
    r"tile/(?P<level>[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?",
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The place of a tile, and how many hashes it holds: 256 in a full tile, 1 … 255 in a partial one.

    Raises ValueError for a level outside 0 … 63, a negative index, or a width outside 1 … 256.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            reason = f"a tile's level is 0 to {MAX_LEVEL}, not {self.level}"
            raise ValueError(reason)
        if self.index < 0:
            reason = f"a tile's index is not negative, as {self.index} is"
            raise ValueError(reason)
        if not 1 <= self.width <= TILE_WIDTH:
            reason = f"a tile's width is 1 to {TILE_WIDTH}, not {self.width}"
            raise ValueError(reason)

    @property
    def is_full(self) -> bool:
        """Whether it holds 256 hashes, and so will never change."""
        return self.width == TILE_WIDTH

    @property
    def byte_length(self) -> int:
        """The length of its content: 32 bytes a hash."""
        return self.width * HASH_SIZE

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, as in `tile/0/x001/067.p/9`; the inverse is `parse_path`."""
        return f"tile/{self.level}/{self._place}"

    @property
    def entries_path(self) -> str:
        """`tile/entries/<N>[.p/<W>]`: the entries of a tile of level 0; ValueError on other levels."""
        if self.level != 0:
            reason = f"entries belong to tiles of level 0, not {self.level}"
            raise ValueError(reason)
        return f"tile/entries/{self._place}"

    @property
    def _place(self) -> str:
        # Groups of three digits, all but the last marked with an x: no name is both a file and a directory.
        digits = str(self.index)
        digits = digits.zfill(-len(digits) % 3 + len(digits))
        *above, last = (digits[i : i + 3] for i in range(0, len(digits), 3))
        partial = "" if self.is_full else f".p/{self.width}"
        return "".join(f"x{group}/" for group in above) + last + partial


def parse_path(path: str) -> Tile:
    """Return the tile whose `path` is exactly this; the inverse of `Tile.path`.

    Raises ValueError for everything else, other spellings of a number (`tile/00/067`, `.p/09`, `.p/256`)
    included.
    """
    match = _PATH.fullmatch(path)
    if match:
        index = int(re.sub(r"[x/]", "", match["index"]))
        tile = Tile(int(match["level"]), index, int(match["width"] or TILE_WIDTH))
        if tile.path == path:
            return tile
    reason = f"not the path of a tile: {path!r}"
    raise ValueError(reason)


def tile_of(size: int, level: int, index: int) -> Tile:
    """Return the tile at this place in a tree of `size` leaves, as wide as that tree makes it.

    Raises ValueError when that tree has no hash there.
    """
    if level < 0 or not 0 <= index < -(-_hashes(size, level) // TILE_WIDTH):
        reason = f"a tree of size {size} has no tile {index} on level {level}"
        raise ValueError(reason)
    return Tile(level, index, min(TILE_WIDTH, _hashes(size, level) - index * TILE_WIDTH))


def full_tiles(size: int, level: int) -> int:
    """Return how many full tiles the level has in a tree of `size` leaves; their indexes are 0 … n-1."""
    return _hashes(size, level) // TILE_WIDTH


def partial_tile(size: int, level: int) -> Tile | None:
    """Return the tile of floor(size / 256^level) mod 256 hashes that ends the level, or None if that is 0."""
    width = _hashes(size, level) % TILE_WIDTH
    return Tile(level, full_tiles(size, level), width) if width else None


def tiles(size: int, since: int = 0) -> Iterator[Tile]:
    """Yield the tiles of a tree of `size` leaves that its first `since` leaves did not have just so.

    Level by level from 0, and by index within a level, the partial tile last: so each comes after the tiles
    that its hashes are computed from. A partial tile that has grown, or become full, is among them. Since 0:
    all. Raises ValueError unless 0 <= since <= size.
    """
    if not 0 <= since <= size:
        reason = f"a tree of size {size} has not grown from one of size {since}"
        raise ValueError(reason)
    level = 0
    while _hashes(size, level) > 0:
        for index in range(full_tiles(since, level), full_tiles(size, level)):
            yield Tile(level, index)
        partial = partial_tile(size, level)
        if partial is not None and partial != partial_tile(since, level):
            yield partial
        level += 1


def tile_root(content: bytes) -> bytes:
    """Return the one hash by which a full tile stands in the level above, from its 8,192 bytes; 255 hashes.

    The hash of tile `index` is number `index` mod 256 in tile `index` // 256 of the next level. Raises
    ValueError for any other length: a partial tile must not be hashed into the level above.
    """
    if len(content) != TILE_WIDTH * HASH_SIZE:
        reason = f"a full tile is {TILE_WIDTH * HASH_SIZE} bytes, not {len(content)}"
        raise ValueError(reason)
    return run_root(content)


def split_hashes(content: bytes) -> list[bytes]:
    """Return the 32-byte hashes that a tile's content is made of, in order; the inverse is `b"".join`.

    Raises ValueError when the content is not a whole number of hashes.
    """
    if len(content) % HASH_SIZE:
        reason = f"{len(content)} bytes are not a whole number of {HASH_SIZE}-byte hashes"
        raise ValueError(reason)
    return [content[i : i + HASH_SIZE] for i in range(0, len(content), HASH_SIZE)]


def _hashes(size: int, level: int) -> int:
    # floor(size / 256^level): the complete subtrees of 256^level leaves, whose roots the level's tiles hold.
    if size < 0:
        reason = f"a tree cannot have the size {size}"
        raise ValueError(reason)
    return size >> (TILE_HEIGHT * level)
