"""Entry bundles: the entries of one tile of level 0, as C2SP tlog-tiles has them ("Log entries").

Each entry is preceded by its length, a big-endian uint16: so an entry has at most 65,535 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.merkle.tiles import TILE_WIDTH

MAX_ENTRY_BYTES: Final = 0xFFFF

_LENGTH_BYTES: Final = 2


class BundleError(ValueError):
    """Bytes that are no entry bundle. `index` is the first entry, counted from 0, that is not whole."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"entry {index} of the bundle {reason}")
        self.index = index


def encode(entries: Iterable[bytes]) -> bytes:
    """Return the bundle of these entries, in order; the inverse is `decode`.

    Raises BundleError for an entry that is too long, and for more than 256 of them.
    """
    parts: list[bytes] = []
    for index, entry in enumerate(entries):
        if index == TILE_WIDTH:
            raise BundleError(index, f"is one too many: there are {TILE_WIDTH} at most")
        if len(entry) > MAX_ENTRY_BYTES:
            raise BundleError(index, f"has {len(entry)} bytes, and may have {MAX_ENTRY_BYTES}")
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def decode(content: bytes) -> list[bytes]:
    """Return the entries of a bundle, at most 256. Raises BundleError when the bytes do not end with an entry."""
    entries: list[bytes] = []
    at, size = 0, len(content)
    while at < size:
        start = at + _LENGTH_BYTES
        end = start + (content[at] << 8 | content[at + 1]) if start <= size else start
        if end > size:
            raise BundleError(len(entries), f"ends after {size} bytes, and not at {end}")
        if len(entries) == TILE_WIDTH:
            raise BundleError(TILE_WIDTH, f"is one too many: there are {TILE_WIDTH} at most")
        entries.append(content[start:end])
        at = end
    return entries
