"""The arithmetic and the paths of tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle.tiles import (
    Tile,
    full_tiles,
    parse_path,
    partial_tile,
    split_hashes,
    tile_of,
    tile_root,
    tiles,
)

from .reference import UNTIMED, content, definition

MTH = definition()


def test_a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts() -> None:
    assert [full_tiles(70_000, level) for level in range(4)] == [273, 1, 0, 0]
    assert [partial_tile(70_000, level) for level in range(4)] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
        None,
    ]


def test_a_tree_of_one_full_tile_has_that_and_a_partial_one_of_one_hash_above() -> None:
    assert list(tiles(256)) == [Tile(0, 0), Tile(1, 0, 1)]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (255, [Tile(0, 0, 255)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
        (512, [Tile(0, 0), Tile(0, 1), Tile(1, 0, 2)]),
    ],
)
def test_the_tiles_of_a_tree_in_order(size: int, expected: list[Tile]) -> None:
    assert list(tiles(size)) == expected


@UNTIMED
@given(st.integers(0, 200_000))
def test_the_tiles_of_a_tree_hold_each_complete_subtree_of_their_levels_once(size: int) -> None:
    held: dict[int, int] = {}
    for tile in tiles(size):
        assert tile.index * 256 == held.get(tile.level, 0)
        assert tile == tile_of(size, tile.level, tile.index)
        held[tile.level] = held.get(tile.level, 0) + tile.width
    assert held == {level: size // 256**level for level in range(4) if size >= 256**level}


@UNTIMED
@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_growth_adds_what_the_larger_tree_has_and_the_smaller_had_not(one: int, two: int) -> None:
    since, size = sorted((one, two))
    had = set(tiles(since))
    assert list(tiles(size, since)) == [tile for tile in tiles(size) if tile not in had]


@pytest.mark.parametrize(("size", "since"), [(5, 6), (5, -1), (-1, -1)])
def test_a_tree_has_not_grown_from_a_larger_one(size: int, since: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} has not grown from one of size {since}"):
        list(tiles(size, since))


@pytest.mark.parametrize(
    ("size", "level", "index"),
    [(0, 0, 0), (256, 0, 1), (255, 1, 0), (5, 0, -1), (5, -1, 0)],
)
def test_a_place_without_a_hash_has_no_tile(size: int, level: int, index: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} has no tile {index} on level {level}"):
        tile_of(size, level, index)


def test_a_tree_of_negative_size_has_no_tiles_to_count() -> None:
    with pytest.raises(ValueError, match="cannot have the size -1"):
        full_tiles(-1, 0)


def test_the_root_of_a_full_tile_is_its_hash_in_the_level_above() -> None:
    above = content(Tile(1, 0, 3), MTH)
    assert above == b"".join(tile_root(content(Tile(0, index), MTH)) for index in range(3))
    assert above == MTH(0, 256) + MTH(256, 512) + MTH(512, 768)


@pytest.mark.parametrize("length", [0, 32, 255 * 32, 256 * 32 - 1, 256 * 32 + 1, 512 * 32])
def test_only_a_full_tile_is_hashed_into_the_level_above(length: int) -> None:
    with pytest.raises(ValueError, match=f"a full tile is 8192 bytes, not {length}"):
        tile_root(bytes(length))


def test_content_is_its_hashes_one_after_another() -> None:
    hashes = [MTH(position, position + 1) for position in range(5)]
    assert split_hashes(b"".join(hashes)) == hashes
    assert split_hashes(b"") == []
    with pytest.raises(ValueError, match="33 bytes are not a whole number"):
        split_hashes(bytes(33))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 67, 9), "tile/0/067.p/9"),
        (Tile(1, 999), "tile/1/999"),
        (Tile(0, 1000, 255), "tile/0/x001/000.p/255"),
        (Tile(2, 1067), "tile/2/x001/067"),
        (Tile(63, 1_234_067, 1), "tile/63/x001/x234/067.p/1"),
        (Tile(0, 1_000_000), "tile/0/x001/x000/000"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@UNTIMED
@given(st.integers(0, 63), st.integers(0, 2**60), st.integers(1, 256))
def test_a_path_leads_back_to_its_tile(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(tile.path) == tile


def test_entries_lie_beside_the_tiles_of_level_zero() -> None:
    assert Tile(0, 1_234_067).entries_path == "tile/entries/x001/x234/067"
    assert Tile(0, 67, 9).entries_path == "tile/entries/067.p/9"
    with pytest.raises(ValueError, match="level 0, not 1"):
        _ = Tile(1, 0).entries_path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/67",
        "tile/0/0067",
        "tile/00/067",
        "tile/64/067",
        "tile/-1/067",
        "tile/entries/067",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/x001067",
        "tile/0/067.p",
        "tile/0/067.p/",
        "tile/0/067.p/0",
        "tile/0/067.p/09",
        "tile/0/067.p/256",
        "tile/0/067.p/257",
        "tile/0/067.p/-1",
        "tile/0/067/",
        "tile/0/067\n",
        "/tile/0/067",
        "tile/0/../067",
        "tile/0/٠٦٧",
        "tile/0/" + "x001/" * 2000 + "067",
    ],
)
def test_no_other_spelling_is_a_path(path: str) -> None:
    with pytest.raises(ValueError, match=r"not the path of a tile|level is|width is|integer string"):
        parse_path(path)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_a_place_that_the_format_cannot_name_is_no_tile(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="a tile's"):
        Tile(level, index, width)


def test_a_tile_knows_its_length_in_bytes() -> None:
    assert (Tile(0, 0).byte_length, Tile(0, 0, 3).byte_length) == (8192, 96)
    assert (Tile(0, 0).is_full, Tile(0, 0, 255).is_full) == (True, False)
