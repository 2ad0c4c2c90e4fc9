"""The root of a tree, from its leaf hashes in order: RFC 6962, section 2.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.merkle.hashing import EMPTY_ROOT, HASH_SIZE, node_hash

if TYPE_CHECKING:
    from collections.abc import Iterable


def split_point(size: int) -> int:
    """Return the power of two k with k < size <= 2k: where RFC 6962, section 2.1, divides a tree.

    The left subtree holds k leaves and is complete, the right one the others. Raises ValueError for a size
    below two.
    """
    if size <= 1:
        reason = f"a tree of size {size} has no two subtrees"
        raise ValueError(reason)
    return 1 << ((size - 1).bit_length() - 1)


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """Return MTH of the leaf hashes; `EMPTY_ROOT` for none. One hash a leaf, O(log n) memory."""
    return Frontier().with_leaves(leaves).root


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: enough to give its root, and to go on appending, without the leaves.

    `peaks` are the roots of the complete subtrees that the binary digits of `size` stand for, largest first:
    size 11 = 8 + 2 + 1 has three, over the leaves [0, 8), [8, 10) and [10, 11). So it holds at most
    log2(size) + 1 hashes, and two frontiers are equal when their trees are. Raises ValueError when the peaks
    cannot belong to the size.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0:
            reason = f"a tree cannot have the size {self.size}"
            raise ValueError(reason)
        if len(self.peaks) != self.size.bit_count():
            reason = f"a tree of size {self.size} has {self.size.bit_count()} peaks, not {len(self.peaks)}"
            raise ValueError(reason)
        for peak in self.peaks:
            _check_hash("peak", peak)

    @property
    def root(self) -> bytes:
        """The root of the tree, 32 bytes: the peaks joined from the smallest on, O(log n) hashes."""
        if not self.peaks:
            return EMPTY_ROOT
        *larger, root = self.peaks
        for peak in reversed(larger):
            root = node_hash(peak, root)
        return root

    def with_leaf(self, leaf: bytes) -> Frontier:
        """Return the frontier of the tree that has this leaf hash after its last; this one stays as it is."""
        return self.with_leaves((leaf,))

    def with_leaves(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier of the tree that has these leaf hashes, in order, after its last one.

        Reads the iterable once and keeps none of it; one hash a leaf on average. Raises ValueError for a leaf
        hash that is not 32 bytes, such as an entry passed by mistake.
        """
        peaks = list(self.peaks)
        size = self.size
        for leaf in leaves:
            _check_hash("leaf hash", leaf)
            # As in binary addition: each digit that carries joins two subtrees of one size.
            subtree = leaf
            carry = size
            while carry & 1:
                subtree = node_hash(peaks.pop(), subtree)
                carry >>= 1
            peaks.append(subtree)
            size += 1
        return Frontier(size, tuple(peaks))


def _check_hash(what: str, value: bytes) -> None:
    if len(value) != HASH_SIZE:
        reason = f"a {what} is {HASH_SIZE} bytes, not {len(value)}"
        raise ValueError(reason)
