"""Inclusion and consistency proofs: what verifies, and that nothing else does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.proofs import (
    ConsistencyProof,
    InclusionProof,
    ProofError,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)

from .reference import UNTIMED, definition, flip

MTH = definition()
SMALL = 17
"""Up to here every proof is tried; past 16 leaves the shapes repeat."""


def root(size: int) -> bytes:
    return MTH(0, size)


def leaf(position: int) -> bytes:
    return MTH(position, position + 1)


def all_inclusion_proofs() -> Iterator[InclusionProof]:
    for size in range(1, SMALL + 1):
        for position in range(size):
            yield prove_inclusion(position, size, MTH)


def all_consistency_proofs() -> Iterator[ConsistencyProof]:
    for size in range(1, SMALL + 1):
        for old_size in range(1, size + 1):
            yield prove_consistency(old_size, size, MTH)


def near_misses(hashes: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    """Yield the hashes with one lost, repeated, exchanged with the next, lengthened, shortened or added."""
    for place, value in enumerate(hashes):
        before, after = hashes[:place], hashes[place + 1 :]
        yield before + after
        yield (*before, value, value, *after)
        yield (*before, value + b"\x00", *after)
        yield (*before, value[:-1], *after)
        yield (*before, b"", *after)
        if after:
            yield (*before, after[0], value, *after[1:])
    for garbage in (b"", bytes(32), MTH(0, 1)):
        yield (garbage, *hashes)
        yield (*hashes, garbage)


def test_the_proofs_of_a_tree_of_seven_are_those_of_rfc_6962() -> None:
    # The example of RFC 6962, section 2.1.3, in its letters, but for the l that is `right` here.
    a, b, c, d, e, f = (leaf(position) for position in range(6))
    g, h, i, j = MTH(0, 2), MTH(2, 4), MTH(4, 6), leaf(6)
    k, right = MTH(0, 4), MTH(4, 7)
    assert prove_inclusion(0, 7, MTH).hashes == (b, h, right)
    assert prove_inclusion(3, 7, MTH).hashes == (c, g, right)
    assert prove_inclusion(4, 7, MTH).hashes == (f, j, k)
    assert prove_inclusion(6, 7, MTH).hashes == (i, k)
    assert prove_consistency(3, 7, MTH).hashes == (c, d, g, right)
    assert prove_consistency(4, 7, MTH).hashes == (right,)
    assert prove_consistency(6, 7, MTH).hashes == (i, j, k)
    assert len({a, b, c, d, e, f, g, h, i, j, k, right}) == 12


def test_every_small_inclusion_proof_verifies() -> None:
    for proof in all_inclusion_proofs():
        verify_inclusion(proof, leaf(proof.position), root(proof.size))


def test_every_small_consistency_proof_verifies() -> None:
    for proof in all_consistency_proofs():
        verify_consistency(proof, root(proof.old_size), root(proof.size))


@UNTIMED
@given(st.data(), st.integers(1, 5000))
def test_each_inclusion_proof_verifies_and_no_bit_of_it_may_change(data: st.DataObject, size: int) -> None:
    position = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(position, size, MTH)
    verify_inclusion(proof, leaf(position), root(size))
    assert len(proof.hashes) <= (size - 1).bit_length()

    parts = [leaf(position), root(size), *proof.hashes]
    altered = data.draw(st.integers(0, len(parts) - 1))
    parts[altered] = flip(parts[altered], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError, match="the proof leads to the root"):
        verify_inclusion(replace(proof, hashes=tuple(parts[2:])), parts[0], parts[1])


@UNTIMED
@given(st.data(), st.integers(1, 5000))
def test_each_consistency_proof_verifies_and_no_bit_of_it_may_change(data: st.DataObject, size: int) -> None:
    old_size = data.draw(st.integers(1, size))
    proof = prove_consistency(old_size, size, MTH)
    verify_consistency(proof, root(old_size), root(size))
    assert len(proof.hashes) <= (size - 1).bit_length() + 1

    parts = [root(old_size), root(size), *proof.hashes]
    altered = data.draw(st.integers(0, len(parts) - 1))
    parts[altered] = flip(parts[altered], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError, match=r"the proof leads to the|two roots for one size"):
        verify_consistency(replace(proof, hashes=tuple(parts[2:])), parts[0], parts[1])


@pytest.mark.parametrize(("position", "size"), [(4, 11), (10, 11), (0, 8)])
def test_no_single_bit_of_an_inclusion_proof_may_change(position: int, size: int) -> None:
    proof = prove_inclusion(position, size, MTH)
    parts = [leaf(position), root(size), *proof.hashes]
    for place, value in enumerate(parts):
        for bit in range(256):
            changed = [*parts[:place], flip(value, bit), *parts[place + 1 :]]
            with pytest.raises(ProofError):
                verify_inclusion(replace(proof, hashes=tuple(changed[2:])), changed[0], changed[1])


@pytest.mark.parametrize(("old_size", "size"), [(6, 11), (8, 11), (11, 11)])
def test_no_single_bit_of_a_consistency_proof_may_change(old_size: int, size: int) -> None:
    proof = prove_consistency(old_size, size, MTH)
    parts = [root(old_size), root(size), *proof.hashes]
    for place, value in enumerate(parts):
        for bit in range(256):
            changed = [*parts[:place], flip(value, bit), *parts[place + 1 :]]
            with pytest.raises(ProofError):
                verify_consistency(replace(proof, hashes=tuple(changed[2:])), changed[0], changed[1])


def test_no_near_miss_of_an_inclusion_proof_verifies() -> None:
    for proof in all_inclusion_proofs():
        for hashes in near_misses(proof.hashes):
            with pytest.raises(ProofError):
                verify_inclusion(replace(proof, hashes=hashes), leaf(proof.position), root(proof.size))


def test_no_near_miss_of_a_consistency_proof_verifies() -> None:
    for proof in all_consistency_proofs():
        for hashes in near_misses(proof.hashes):
            with pytest.raises(ProofError):
                verify_consistency(replace(proof, hashes=hashes), root(proof.old_size), root(proof.size))


def test_a_leaf_is_proved_at_no_other_position() -> None:
    for proof in all_inclusion_proofs():
        for position in {*range(-1, proof.size + 2)} - {proof.position}:
            with pytest.raises(ProofError):
                verify_inclusion(replace(proof, position=position), leaf(proof.position), root(proof.size))


def test_an_old_root_is_proved_for_no_other_tree() -> None:
    for proof in all_consistency_proofs():
        for other in {*range(SMALL + 1)} - {proof.old_size}:
            with pytest.raises(ProofError):
                verify_consistency(proof, root(other), root(proof.size))
        for other in {*range(SMALL + 1)} - {proof.size}:
            with pytest.raises(ProofError):
                verify_consistency(proof, root(proof.old_size), root(other))


def test_an_altered_log_is_consistent_with_none_of_its_trees_that_hold_the_entry() -> None:
    altered = definition(lambda position: b"altered" if position == 5 else b"entry %d" % position)
    for old_size in range(1, SMALL):
        proof = prove_consistency(old_size, SMALL, altered)
        if old_size <= 5:
            verify_consistency(proof, root(old_size), altered(0, SMALL))
        else:
            with pytest.raises(ProofError):
                verify_consistency(proof, root(old_size), altered(0, SMALL))


@pytest.mark.parametrize(("position", "size"), [(0, 0), (-1, 4), (4, 4), (5, 4), (0, -1)])
def test_a_position_outside_the_tree_has_no_proof(position: int, size: int) -> None:
    reason = f"a tree of size {size} has no position {position}"
    with pytest.raises(ProofError, match=reason):
        prove_inclusion(position, size, MTH)
    with pytest.raises(ProofError, match=reason):
        verify_inclusion(InclusionProof(position, size, ()), leaf(0), root(1))


@pytest.mark.parametrize(
    ("old_size", "size", "reason"),
    [
        (0, 0, "not with one of size 0"),
        (0, 4, "not with one of size 0"),
        (-1, 4, "not with one of size -1"),
        (5, 4, "a tree of size 4 cannot extend one of size 5"),
    ],
)
def test_sizes_that_no_growth_leads_to_have_no_proof(old_size: int, size: int, reason: str) -> None:
    with pytest.raises(ProofError, match=reason):
        prove_consistency(old_size, size, MTH)
    with pytest.raises(ProofError, match=reason):
        verify_consistency(ConsistencyProof(old_size, size, ()), root(0), root(4))


def test_a_refused_inclusion_proof_says_why() -> None:
    good = prove_inclusion(4, 7, MTH)
    first, *rest = good.hashes

    def reason_for(hashes: tuple[bytes, ...], leaf_hash: bytes = leaf(4), root_hash: bytes = root(7)) -> str:
        with pytest.raises(ProofError) as refused:
            verify_inclusion(replace(good, hashes=hashes), leaf_hash, root_hash)
        return str(refused.value)

    assert reason_for(good.hashes[:-1]) == "the proof ends after 2 hashes, below the root"
    assert reason_for((*good.hashes, first)) == "the proof has hashes left over above the root"
    assert reason_for((*good.hashes, b"")) == "the hash 3 of the proof is 0 bytes, not 32"
    assert reason_for((first + b"!", *rest)) == "the hash 0 of the proof is 33 bytes, not 32"
    assert reason_for(good.hashes, leaf_hash=b"short") == "the leaf hash is 5 bytes, not 32"
    assert reason_for(good.hashes, root_hash=b"") == "the root is 0 bytes, not 32"
    assert reason_for(good.hashes, root_hash=root(6)) == (
        f"the proof leads to the root {root(7).hex()}, not to {root(6).hex()}"
    )


def test_a_refused_consistency_proof_says_why() -> None:
    good = prove_consistency(4, 7, MTH)

    def reason_for(proof: ConsistencyProof, old_root: bytes = root(4), new_root: bytes = root(7)) -> str:
        with pytest.raises(ProofError) as refused:
            verify_consistency(proof, old_root, new_root)
        return str(refused.value)

    assert reason_for(replace(good, hashes=())) == "the proof ends after 0 hashes, below the root"
    assert reason_for(replace(good, hashes=good.hashes * 2)) == "the proof has hashes left over above the root"
    assert reason_for(replace(good, hashes=(b"",))) == "the hash 0 of the proof is 0 bytes, not 32"
    assert reason_for(good, old_root=b"") == "the old root is 0 bytes, not 32"
    assert reason_for(good, new_root=b"") == "the root is 0 bytes, not 32"
    assert reason_for(good, new_root=root(6)).startswith("the proof leads to the root ")
    assert reason_for(prove_consistency(6, 7, MTH), old_root=root(5)).startswith(
        "the proof leads to the old root ",
    )
    assert reason_for(replace(good, size=4)) == "a tree of size 4 needs no hashes to be consistent with itself"
    assert reason_for(ConsistencyProof(4, 4, ())).startswith("two roots for one size, 4: ")
