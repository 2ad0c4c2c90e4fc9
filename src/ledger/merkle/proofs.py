"""Proofs that a tree holds a leaf at a position (inclusion), or extends an older tree (consistency).

A proof is made from a callable that knows the hash of any subtree, and checked from the proof, the hashes and
the sizes alone. A check returns nothing when the claim holds, and raises `ProofError` in every other case.
The sizes are part of the claim and not of the root: take size and root from one signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from ledger.merkle.hashing import HASH_SIZE, node_hash
from ledger.merkle.tree import split_point

SubtreeHash: TypeAlias = Callable[[int, int], bytes]
"""(start, end) -> MTH of the leaves [start, end), 32 bytes; start < end.

It is asked only for subtrees that the definition of the tree forms (RFC 6962, section 2.1): the complete
ones, and those on the right edge.
"""


class ProofError(ValueError):
    """A proof that cannot be made, or that does not hold; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The claim that the tree of `size` leaves has a certain leaf at `position` (from 0), and what shows it.

    `hashes` is PATH(position, D[size]) of RFC 6962, section 2.1.1: siblings from the leaf up, at most
    ceil(log2(size)) of them.
    """

    position: int
    size: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The claim that the tree of `size` leaves begins with the tree of `old_size` leaves, and what shows it.

    `hashes` is PROOF(old_size, D[size]) of RFC 6962, section 2.1.2: at most ceil(log2(size)) + 1 of them, and
    none for equal sizes.
    """

    old_size: int
    size: int
    hashes: tuple[bytes, ...]


def prove_inclusion(position: int, size: int, subtree: SubtreeHash) -> InclusionProof:
    """Return the proof that the tree of `size` leaves holds its leaf at `position`: RFC 9162, 2.1.3.1.

    Asks for one subtree a hash of the proof. Raises ProofError when the tree has no such position.
    `verify_inclusion` accepts what this returns.
    """
    _check_position(position, size)
    hashes: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_point(end - start)
        if position < middle:
            hashes.append(subtree(middle, end))
            end = middle
        else:
            hashes.append(subtree(start, middle))
            start = middle
    return InclusionProof(position, size, tuple(reversed(hashes)))


def prove_consistency(old_size: int, size: int, subtree: SubtreeHash) -> ConsistencyProof:
    """Return the proof that the tree of `size` leaves extends its first `old_size`: RFC 9162, 2.1.4.1.

    Asks for one subtree a hash of the proof. Raises ProofError unless 0 < old_size <= size.
    `verify_consistency` accepts what this returns.
    """
    _check_sizes(old_size, size)
    hashes: list[bytes] = []
    start, end = 0, size
    while end > old_size:
        middle = start + split_point(end - start)
        if old_size <= middle:
            hashes.append(subtree(middle, end))
            end = middle
        else:
            hashes.append(subtree(start, middle))
            start = middle
    # [start, end) is now the last of the subtrees that both trees have in common. When it is all of the old
    # tree, its hash is the old root, which the verifier has.
    if start > 0:
        hashes.append(subtree(start, end))
    return ConsistencyProof(old_size, size, tuple(reversed(hashes)))


def verify_inclusion(proof: InclusionProof, leaf: bytes, root: bytes) -> None:
    """Return only if the tree of this root and the proof's size has this leaf hash at its position.

    Follows RFC 9162, section 2.1.3.2; one hash for each of the proof. Raises ProofError for a position
    outside the tree, a hash that is not 32 bytes, hashes too few or too many, and a root that the proof does
    not lead to.
    """
    _check_position(proof.position, proof.size)
    _check_hashes(proof.hashes)
    _check_hash("leaf hash", leaf)
    _check_hash("root", root)
    computed = leaf
    for sibling, is_left in _path(proof.position, proof.size - 1, proof.hashes):
        computed = node_hash(sibling, computed) if is_left else node_hash(computed, sibling)
    _check_root("root", computed, root)


def verify_consistency(proof: ConsistencyProof, old_root: bytes, root: bytes) -> None:
    """Return only if the tree of `root` and the proof's size begins with the tree of `old_root` and old size.

    Follows RFC 9162, section 2.1.4.2; at most two hashes for each of the proof. Raises ProofError unless 0 <
    old size <= size (every tree extends the empty one, so such a proof would say nothing), for a hash that is
    not 32 bytes, hashes too few or too many, and a root that the proof does not lead to. Equal sizes need
    equal roots and no hashes; nothing is computed then, so nothing is said about the form of the roots.
    """
    _check_sizes(proof.old_size, proof.size)
    _check_hashes(proof.hashes)
    if proof.old_size == proof.size:
        _check_same_tree(proof, old_root, root)
        return
    _check_hash("old root", old_root)
    _check_hash("root", root)
    if not proof.hashes:
        raise _too_few(0)
    # An old size that is a power of two is one complete subtree, whose hash the proof leaves out.
    complete = proof.old_size & (proof.old_size - 1) == 0
    common, *siblings = (old_root, *proof.hashes) if complete else proof.hashes
    # Start from the largest subtree of both trees that ends with the old tree's last leaf.
    place, last = proof.old_size - 1, proof.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_computed = computed = common
    for sibling, is_left in _path(place, last, siblings):
        if is_left:
            old_computed = node_hash(sibling, old_computed)
            computed = node_hash(sibling, computed)
        else:
            computed = node_hash(computed, sibling)
    _check_root("old root", old_computed, old_root)
    _check_root("root", computed, root)


def _path(place: int, last: int, siblings: tuple[bytes, ...] | list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each sibling, and whether it stands on the left, on the way from a node to the root.

    `place` is the node's number among those of its level, `last` the highest number there: fn and sn in RFC
    9162. Raises ProofError unless the siblings are exactly as many as the way needs.
    """
    for sibling in siblings:
        if last == 0:
            reason = "the proof has hashes left over above the root"
            raise ProofError(reason)
        is_left = bool(place & 1) or place == last
        yield sibling, is_left
        if is_left:
            # A last node without a sibling on its left is alone there, and stands for its parent too.
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last != 0:
        raise _too_few(len(siblings))


def _check_position(position: int, size: int) -> None:
    if not 0 <= position < size:
        reason = f"a tree of size {size} has no position {position}"
        raise ProofError(reason)


def _check_sizes(old_size: int, size: int) -> None:
    if old_size <= 0:
        reason = f"consistency is with a tree that holds an entry, not with one of size {old_size}"
        raise ProofError(reason)
    if old_size > size:
        reason = f"a tree of size {size} cannot extend one of size {old_size}"
        raise ProofError(reason)


def _check_same_tree(proof: ConsistencyProof, old_root: bytes, root: bytes) -> None:
    if proof.hashes:
        reason = f"a tree of size {proof.size} needs no hashes to be consistent with itself"
        raise ProofError(reason)
    if old_root != root:
        reason = f"two roots for one size, {proof.size}: {old_root.hex()} and {root.hex()}"
        raise ProofError(reason)


def _check_hashes(hashes: tuple[bytes, ...]) -> None:
    for number, value in enumerate(hashes):
        _check_hash(f"hash {number} of the proof", value)


def _check_hash(name: str, value: bytes) -> None:
    if len(value) != HASH_SIZE:
        reason = f"the {name} is {len(value)} bytes, not {HASH_SIZE}"
        raise ProofError(reason)


def _check_root(name: str, computed: bytes, given: bytes) -> None:
    if computed != given:
        reason = f"the proof leads to the {name} {computed.hex()}, not to {given.hex()}"
        raise ProofError(reason)


def _too_few(given: int) -> ProofError:
    return ProofError(f"the proof ends after {given} hashes, below the root")
