"""The Merkle tree over the log's entries: full tiles stored, the rest hashed when asked for."""

from __future__ import annotations

from ledger.merkle.hashing import leaf_hash
from ledger.merkle.tile_proofs import root
from ledger.merkle.tiles import Tile, full_tiles, tile_root
from ledger.store import queries
from ledger.store.database import Connection, Database

_SQL = queries.load("ledger.store.sql", "tiles.sql")
_WIDTH = 256
LEVELS = 8
"""Enough for 2^64 entries."""


class TileStore:
    """Tiles of one ledger. What is not stored yet is computed from the log, so an answer never depends on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fill(self, size: int) -> int:
        """Every full tile of the tree of that size is stored; returns how many were stored now."""
        stored = 0
        with self._database.connection() as connection:
            have = dict(connection.execute(_SQL["stored"]).fetchall())
            for level in range(LEVELS):
                for index in range(have.get(level, 0), full_tiles(size, level)):
                    hashes = self._hashes(connection, Tile(level, index))
                    connection.execute(_SQL["store"], (level, index, hashes), prepare=True)
                    stored += 1
        return stored

    def root(self, size: int) -> bytes:
        """The root of the tree over the first `size` entries, reading O(log size) tiles once they are stored."""
        with self._database.connection() as connection:
            return root(size, lambda tile: self._read(connection, tile))

    def _read(self, connection: Connection, tile: Tile) -> bytes:
        if tile.is_full:
            row = connection.execute(_SQL["tile"], (tile.level, tile.index), prepare=True, binary=True).fetchone()
            if row is not None:
                return bytes(row[0])
        return self._hashes(connection, tile)

    def _hashes(self, connection: Connection, tile: Tile) -> bytes:
        """The hashes of a tile from the level below, or from the entries."""
        first = tile.index * _WIDTH
        if tile.level == 0:
            # On the connection in hand: readers that each hold one and ask for another would wait for each other.
            entries = connection.execute(_SQL["entries"], (first, first + tile.width), prepare=True, binary=True)
            return b"".join(leaf_hash(entry) for (entry,) in entries)
        below = (Tile(tile.level - 1, index) for index in range(first, first + tile.width))
        return b"".join(tile_root(self._read(connection, child)) for child in below)
