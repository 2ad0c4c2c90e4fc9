"""Roots of trees and their right edges."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.tree import Frontier, split_point, tree_root

from .reference import UNTIMED, definition, numbered

MTH = definition()


def leaves(start: int, end: int) -> Iterator[bytes]:
    return (leaf_hash(numbered(position)) for position in range(start, end))


@pytest.mark.parametrize(
    ("size", "k"),
    [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (2**40, 2**39), (2**40 + 1, 2**40)],
)
def test_a_tree_divides_at_the_largest_power_of_two_below_its_size(size: int, k: int) -> None:
    assert split_point(size) == k


@pytest.mark.parametrize("size", [1, 0, -1])
def test_less_than_two_leaves_do_not_divide(size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} has no two subtrees"):
        split_point(size)


def test_the_root_is_that_of_the_definition_for_every_small_size() -> None:
    for size in range(300):
        assert tree_root(leaves(0, size)) == MTH(0, size)


@UNTIMED
@given(st.integers(0, 3000))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert tree_root(leaves(0, size)) == MTH(0, size)


@UNTIMED
@given(st.lists(st.integers(0, 700), max_size=5))
def test_a_frontier_gives_the_same_tree_however_its_leaves_arrive(batches: list[int]) -> None:
    frontier = Frontier()
    for batch in batches:
        frontier = frontier.with_leaves(leaves(frontier.size, frontier.size + batch))
    total = sum(batches)
    assert frontier == Frontier().with_leaves(leaves(0, total))
    assert (frontier.size, frontier.root) == (total, MTH(0, total))


def test_a_frontier_holds_the_roots_of_the_complete_subtrees_largest_first() -> None:
    assert Frontier().with_leaves(leaves(0, 11)).peaks == (MTH(0, 8), MTH(8, 10), MTH(10, 11))


def test_a_frontier_goes_on_from_its_size_and_peaks_alone() -> None:
    kept = Frontier().with_leaves(leaves(0, 1000))
    restored = Frontier(1000, kept.peaks)
    assert restored.with_leaf(leaf_hash(numbered(1000))).root == MTH(0, 1001)


def test_appending_leaves_the_older_frontier_as_it_was() -> None:
    older = Frontier().with_leaves(leaves(0, 7))
    older.with_leaf(leaf_hash(numbered(7)))
    assert (older.size, older.root) == (7, MTH(0, 7))


def test_a_frontier_keeps_logarithmically_few_hashes() -> None:
    frontier = Frontier().with_leaves(leaves(0, 2**14 - 1))
    assert len(frontier.peaks) == 14
    assert len(frontier.with_leaf(leaf_hash(b"")).peaks) == 1


def test_an_empty_frontier_has_the_empty_root() -> None:
    assert Frontier().root == EMPTY_ROOT


@pytest.mark.parametrize(
    ("size", "peaks", "reason"),
    [
        (-1, (), "cannot have the size -1"),
        (0, (bytes(32),), "size 0 has 0 peaks, not 1"),
        (3, (bytes(32),), "size 3 has 2 peaks, not 1"),
        (1, (bytes(31),), "peak is 32 bytes, not 31"),
    ],
)
def test_peaks_that_cannot_belong_to_the_size_are_refused(
    size: int,
    peaks: tuple[bytes, ...],
    reason: str,
) -> None:
    with pytest.raises(ValueError, match=reason):
        Frontier(size, peaks)


def test_an_entry_in_place_of_a_leaf_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="leaf hash is 32 bytes, not 7"):
        tree_root([numbered(0)])
