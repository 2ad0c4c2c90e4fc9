"""RFC 6962, section 2.1, written out as the recursion that it is, without any code of `ledger.merkle`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import settings

if TYPE_CHECKING:
    from ledger.merkle.tiles import Tile

Mth: TypeAlias = Callable[[int, int], bytes]
"""(start, end) -> MTH(D[start:end])."""

UNTIMED = settings(deadline=None)
"""For properties whose first example fills the cache of a definition, and so takes longer than the rest."""


def numbered(position: int) -> bytes:
    """Return an entry unlike that of any other position."""
    return b"entry %d" % position


def definition(entry: Callable[[int], bytes] = numbered) -> Mth:
    """Return MTH(D[start:end]) for the log whose entry at each position the callable gives."""

    @cache
    def mth(start: int, end: int) -> bytes:
        size = end - start
        if size == 0:
            return sha256(b"").digest()
        if size == 1:
            return sha256(b"\x00" + entry(start)).digest()
        k = 1
        while 2 * k < size:
            k *= 2
        return sha256(b"\x01" + mth(start, start + k) + mth(start + k, end)).digest()

    return mth


def marked(position: int) -> Mth:
    """Return MTH(D[start:end]) of an endless log that says `same` everywhere, but `other` at one position.

    Equal subtrees are worked out once, so sizes near 2^60 cost no more than a few hundred hashes.
    """
    same = definition(lambda _: b"same")
    other = sha256(b"\x00other").digest()

    @cache
    def plain(size: int) -> bytes:
        if size == 1:
            return same(0, 1)
        k = 1 << (size - 1).bit_length() - 1
        return sha256(b"\x01" + plain(k) + plain(size - k)).digest()

    @cache
    def mth(start: int, end: int) -> bytes:
        if start == end:
            return sha256(b"").digest()
        if not start <= position < end:
            return plain(end - start)
        if end - start == 1:
            return other
        k = 1 << (end - start - 1).bit_length() - 1
        return sha256(b"\x01" + mth(start, start + k) + mth(start + k, end)).digest()

    return mth


def content(tile: Tile, mth: Mth) -> bytes:
    """Return what C2SP tlog-tiles says is in the tile."""
    span = 256**tile.level
    first = 256 * tile.index
    return b"".join(mth(n * span, (n + 1) * span) for n in range(first, first + tile.width))


def flip(value: bytes, bit: int) -> bytes:
    """Return the bytes with one bit changed, counted from the first byte's lowest."""
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(value))
