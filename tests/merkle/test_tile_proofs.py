"""Roots and proofs from tiles equal those from leaves."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.merkle import tile_proofs
from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.proofs import (
    ProofError,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from ledger.merkle.tiles import Tile, tile_of
from ledger.merkle.tree import Frontier

from .reference import UNTIMED, Mth, content, definition, marked, numbered

MTH = definition()
THREE_LEVELS = st.one_of(st.integers(1, 1100), st.integers(65_000, 67_000))
"""Sizes around the first tile, the first few, and the first full tile of level 1 (65,536 leaves)."""
HUGE = st.integers(1, 2**60)


class Published:
    """A reader over the tiles that a log of this size publishes, which notes what it was asked for."""

    def __init__(self, size: int, mth: Mth = MTH) -> None:
        self.size = size
        self.mth = mth
        self.reads: Counter[Tile] = Counter()

    def __call__(self, tile: Tile) -> bytes:
        assert tile == tile_of(self.size, tile.level, tile.index)
        self.reads[tile] += 1
        return content(tile, self.mth)

    def assert_read_at_most(self, tiles_a_level: int) -> None:
        assert set(self.reads.values()) <= {1}
        for level, count in Counter(tile.level for tile in self.reads).items():
            assert count <= tiles_a_level, f"{count} tiles of level {level}"
            assert self.size >= 256**level


@UNTIMED
@given(THREE_LEVELS)
@example(255)
@example(256)
@example(257)
@example(65_535)
@example(65_536)
@example(65_537)
def test_the_root_from_tiles_is_that_of_the_definition(size: int) -> None:
    published = Published(size)
    assert tile_proofs.root(size, published) == MTH(0, size)
    published.assert_read_at_most(1)


def test_the_root_from_tiles_is_that_of_the_definition_for_every_small_size() -> None:
    for size in range(520):
        assert tile_proofs.root(size, Published(size)) == MTH(0, size)


@UNTIMED
@given(THREE_LEVELS)
def test_a_frontier_from_tiles_goes_on_where_the_log_stands(size: int) -> None:
    frontier = tile_proofs.frontier(size, Published(size))
    more = [leaf_hash(numbered(position)) for position in range(size, size + 3)]
    assert frontier.with_leaves(more).root == MTH(0, size + 3)


@UNTIMED
@given(st.data(), THREE_LEVELS)
def test_an_inclusion_proof_from_tiles_is_the_one_from_the_leaves_and_verifies(
    data: st.DataObject,
    size: int,
) -> None:
    position = data.draw(st.integers(0, size - 1))
    published = Published(size)
    proof = tile_proofs.inclusion(position, size, published)
    published.assert_read_at_most(2)
    assert proof == prove_inclusion(position, size, MTH)
    verify_inclusion(proof, leaf_hash(numbered(position)), MTH(0, size))


@UNTIMED
@given(st.data(), THREE_LEVELS)
def test_a_consistency_proof_from_tiles_is_the_one_from_the_leaves_and_verifies(
    data: st.DataObject,
    size: int,
) -> None:
    old_size = data.draw(st.integers(1, size))
    published = Published(size)
    proof = tile_proofs.consistency(old_size, size, published)
    published.assert_read_at_most(2)
    assert proof == prove_consistency(old_size, size, MTH)
    verify_consistency(proof, MTH(0, old_size), MTH(0, size))


@UNTIMED
@given(st.data(), HUGE)
def test_a_huge_tree_is_proved_from_two_tiles_a_level(data: st.DataObject, size: int) -> None:
    position = data.draw(st.integers(0, size - 1))
    old_size = data.draw(st.integers(1, size))
    mth = marked(position)

    for_root = Published(size, mth)
    root = tile_proofs.root(size, for_root)
    assert root == mth(0, size)
    for_root.assert_read_at_most(1)

    for_inclusion = Published(size, mth)
    inclusion = tile_proofs.inclusion(position, size, for_inclusion)
    verify_inclusion(inclusion, leaf_hash(b"other"), root)
    for_inclusion.assert_read_at_most(2)

    for_consistency = Published(size, mth)
    consistency = tile_proofs.consistency(old_size, size, for_consistency)
    verify_consistency(consistency, mth(0, old_size), root)
    for_consistency.assert_read_at_most(2)


def test_the_empty_tree_needs_no_tile() -> None:
    published = Published(0)
    assert tile_proofs.root(0, published) == EMPTY_ROOT
    assert tile_proofs.frontier(0, published) == Frontier()
    assert not published.reads


def test_a_tree_is_consistent_with_itself_without_reading_a_tile() -> None:
    published = Published(1000)
    assert tile_proofs.consistency(1000, 1000, published).hashes == ()
    assert not published.reads


def test_an_older_tree_is_read_from_wider_tiles_of_a_later_one() -> None:
    def later(tile: Tile) -> bytes:
        return content(tile_of(1000, tile.level, tile.index), MTH)[: tile.byte_length]

    assert tile_proofs.root(700, later) == MTH(0, 700)


@pytest.mark.parametrize("change", [-1, 1, 32, -32])
def test_a_tile_of_a_wrong_length_is_refused(change: int) -> None:
    def wrong(tile: Tile) -> bytes:
        return (content(tile, MTH) + bytes(32))[: tile.byte_length + change]

    reason = rf"tile/0/000\.p/7 is {7 * 32 + change} bytes, not 224"
    with pytest.raises(ProofError, match=reason):
        tile_proofs.root(7, wrong)
    with pytest.raises(ProofError, match=reason):
        tile_proofs.inclusion(3, 7, wrong)
    with pytest.raises(ProofError, match=reason):
        tile_proofs.consistency(3, 7, wrong)


def test_a_tile_with_an_altered_hash_gives_another_root_and_a_proof_that_fails() -> None:
    def altered(tile: Tile) -> bytes:
        whole = content(tile, MTH)
        return whole[:-1] + bytes([whole[-1] ^ 1])

    assert tile_proofs.root(1000, altered) != MTH(0, 1000)
    with pytest.raises(ProofError):
        verify_inclusion(tile_proofs.inclusion(3, 1000, altered), leaf_hash(numbered(3)), MTH(0, 1000))


def test_what_the_reader_raises_passes_through() -> None:
    def missing(tile: Tile) -> bytes:
        raise FileNotFoundError(tile.path)

    with pytest.raises(FileNotFoundError, match=r"tile/0/000\.p/7"):
        tile_proofs.root(7, missing)


@pytest.mark.parametrize(("position", "size"), [(7, 7), (-1, 7), (0, 0)])
def test_a_position_outside_the_tree_has_no_proof(position: int, size: int) -> None:
    with pytest.raises(ProofError, match="has no position"):
        tile_proofs.inclusion(position, size, Published(size))


def test_a_tree_of_negative_size_has_no_root() -> None:
    with pytest.raises(ValueError, match="size -1"):
        tile_proofs.root(-1, Published(0))
