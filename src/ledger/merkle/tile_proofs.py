"""Roots and proofs of a tree that is read tile by tile, as a published log or an archive holds it.

Every function reads at most two tiles of each level, O(log n) in all, and none twice. The tiles are believed:
what comes out is true of the log only once it is checked against the root in a signed checkpoint, a root by
comparing, a proof by `verify_inclusion` or `verify_consistency`. Each raises ProofError when the reader
answers with a wrong number of bytes; what the reader raises itself passes through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ledger.merkle.hashing import HASH_SIZE, node_hash, run_root
from ledger.merkle.proofs import (
    ConsistencyProof,
    InclusionProof,
    ProofError,
    prove_consistency,
    prove_inclusion,
)
from ledger.merkle.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, tile_of
from ledger.merkle.tree import Frontier, split_point

ReadTile: TypeAlias = Callable[[Tile], bytes]
"""Tile -> its content, exactly `tile.byte_length` bytes.

The tile asked for is the one in a tree of the given size: a reader that only has a later, wider version
answers with the first `byte_length` bytes of it.
"""


def frontier(size: int, read_tile: ReadTile) -> Frontier:
    """Return the frontier of the tree of the first `size` leaves, ready to append the next.

    Reads one tile a level at most. Raises ValueError for a negative size.
    """
    tree = _TileTree(size, read_tile)
    peaks: list[bytes] = []
    start = 0
    for height in range(size.bit_length() - 1, -1, -1):
        if size >> height & 1:
            peaks.append(tree.complete(start, height))
            start += 1 << height
    return Frontier(size, tuple(peaks))


def root(size: int, read_tile: ReadTile) -> bytes:
    """Return the root of the tree of the first `size` leaves (RFC 6962, section 2.1); reads as `frontier`."""
    return frontier(size, read_tile).root


def inclusion(position: int, size: int, read_tile: ReadTile) -> InclusionProof:
    """Return the proof that the tree of `size` leaves holds its leaf at `position`.

    Raises ProofError when the tree has no such position.
    """
    return prove_inclusion(position, size, _TileTree(size, read_tile))


def consistency(old_size: int, size: int, read_tile: ReadTile) -> ConsistencyProof:
    """Return the proof that the tree of `size` leaves extends that of `old_size`.

    Raises ProofError unless 0 < old_size <= size.
    """
    return prove_consistency(old_size, size, _TileTree(size, read_tile))


class _TileTree:
    """A `SubtreeHash` over the tiles of a tree of `size` leaves, which reads each of them once at most."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._content: dict[Tile, bytes] = {}

    def __call__(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0:
            return self.complete(start, size.bit_length() - 1)
        middle = start + split_point(size)
        return node_hash(self(start, middle), self(middle, end))

    def complete(self, start: int, height: int) -> bytes:
        """Return the root of the 2^height leaves from `start`, a multiple of that: a run within one tile."""
        level, rest = divmod(height, TILE_HEIGHT)
        index, offset = divmod(start >> (TILE_HEIGHT * level), TILE_WIDTH)
        content = self._read(tile_of(self._size, level, index))
        return run_root(content[offset * HASH_SIZE : (offset + (1 << rest)) * HASH_SIZE])

    def _read(self, tile: Tile) -> bytes:
        if tile not in self._content:
            content = self._read_tile(tile)
            if len(content) != tile.byte_length:
                reason = f"{tile.path} is {len(content)} bytes, not {tile.byte_length}"
                raise ProofError(reason)
            self._content[tile] = content
        return self._content[tile]
