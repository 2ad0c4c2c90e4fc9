"""The Merkle tree over the log: the same root whatever is stored of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.conftest import Database
from tests.support.databases import NewDatabase

from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.tree import tree_root
from ledger.store.append import Append
from ledger.store.database import Database as Pool
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder
from ledger.store.tiles import TileStore

SIZE = 65_800
"""A tree of three levels: 257 full tiles of leaves, one of the level above, and a bit."""
EDGES = (0, 1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_535, 65_536, 65_537, 65_791, 65_792, SIZE)


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> Iterator[Database]:
    """A log of that many tiny events, and no tile."""
    with new_database() as made:
        pool = Pool(made.app, pool_size=2)
        recorder = LedgerRecorder(pool)
        for stream in range(SIZE // 3_290):
            events = tuple(("t", b"%d" % n) for n in range(3_290))
            recorder.append([Append(f"s{stream}", 0, events)])
        pool.close()
        yield made


@pytest.fixture
def tiles(pool: Pool, database: Database) -> Iterator[TileStore]:
    """No tile is stored at first, nor left."""
    yield TileStore(pool)
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.tile DISABLE TRIGGER USER; TRUNCATE ledger.tile")
        owner.execute("ALTER TABLE ledger.tile ENABLE ALWAYS TRIGGER tile_append_only")


@pytest.fixture
def leaves(log: Log) -> list[bytes]:
    """The leaf hashes, from the entries."""
    found = [leaf_hash(entry) for _, entry in log.entries(0, SIZE)]
    assert len(found) == SIZE
    return found


def stored(log: Log) -> dict[int, int]:
    with log.database.connection() as connection:
        return dict(
            connection.execute("SELECT level, count(*) FROM ledger.tile GROUP BY level ORDER BY level").fetchall()
        )


def test_the_root_is_that_of_all_leaves_before_and_after_filling(
    tiles: TileStore, log: Log, leaves: list[bytes]
) -> None:
    sizes = (*EDGES, *random.Random(6962).sample(range(SIZE), 4))
    expected = {size: tree_root(leaves[:size]) for size in sizes}
    assert expected[0] == EMPTY_ROOT
    # From nothing but the log; the largest sizes read all of it, so one of them will do.
    assert {size: tiles.root(size) for size in sizes if size < 1_000 or size == 65_537} == {
        size: root for size, root in expected.items() if size < 1_000 or size == 65_537
    }
    assert tiles.fill(300) == 1
    assert tiles.fill(SIZE) == 257
    assert stored(log) == {0: 257, 1: 1}
    assert {size: tiles.root(size) for size in sizes} == expected


def test_filling_goes_on_where_it_stopped(tiles: TileStore, log: Log, leaves: list[bytes]) -> None:
    for size, more, has in ((255, 0, {}), (256, 1, {0: 1}), (257, 0, {0: 1}), (1_024, 3, {0: 4}), (512, 0, {0: 4})):
        assert tiles.fill(size) == more
        assert stored(log) == has
    assert tiles.root(1_025) == tree_root(leaves[:1_025])


def test_a_stored_tree_is_read_by_its_edge_and_not_by_its_leaves(
    tiles: TileStore, leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles.fill(SIZE)
    expected = tree_root(leaves)
    read: list[int] = []
    plain = psycopg.Connection.execute

    def counted(self: psycopg.Connection, *args: object, **more: object) -> psycopg.Cursor:
        cursor = plain(self, *args, **more)
        read.append(cursor.rowcount)
        return cursor

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    assert tiles.root(SIZE) == expected
    assert sum(read) < 2 * 256


def test_those_who_fill_at_once_store_each_tile_once(tiles: TileStore, log: Log, leaves: list[bytes]) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(tiles.fill, [30_000, 20_000, 30_000, 25_000]))
    assert stored(log) == {0: 117}
    assert tiles.root(30_000) == tree_root(leaves[:30_000])


def test_more_readers_than_connections_only_take_turns(database: Database, leaves: list[bytes]) -> None:
    """A reader that held one connection and asked for another would wait for ever with the others that do."""
    pool = Pool(database.app, pool_size=2)
    tiles = TileStore(pool)
    try:
        with ThreadPoolExecutor(8) as threads:
            roots = list(threads.map(tiles.root, [700] * 8, timeout=8))
    finally:
        pool.close()
    assert set(roots) == {tree_root(leaves[:700])}
