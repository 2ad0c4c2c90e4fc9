"""The Merkle tree over the log's entries: full tiles stored, the rest hashed when asked for."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.errors import EntryMissing
from ledger.merkle import tile_proofs
from ledger.merkle.proofs import ConsistencyProof, InclusionProof
from ledger.merkle.tiles import LEVELS, TILE_WIDTH, Tile, full_tiles, tile_root
from ledger.store import queries
from ledger.store.database import Connection, Database

_SQL = queries.load("ledger.store.sql", "tiles.sql")
_BATCH = 64
"""Tiles stored in one transaction."""


class TileStore:
    """Tiles of one ledger. What is not stored yet is computed from the log, so an answer never depends on it.

    Entries are hashed in the database, a set at a time, and never under the lock of an append. What is stored is
    believed: whoever must not believe it compares it with the entries (`services.verification`). Each method raises
    `EntryMissing` when the log has a gap below the size that it is asked for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def fill(self, size: int) -> int:
        """Every full tile of the tree of that size is stored; returns how many were stored now."""
        with self._database.connection() as connection:
            return self._fill(connection, size)

    def root(self, size: int) -> bytes:
        """The root of the tree over the first `size` entries, reading O(log size) tiles once they are stored."""
        with self._database.connection() as connection:
            return tile_proofs.root(size, lambda tile: self._read(connection, tile))

    def inclusion(self, position: int, size: int) -> InclusionProof:
        """The proof that the tree over the first `size` entries holds the one at the position; reads as `root`.

        Raises `ProofError` when that tree has no such position.
        """
        with self._database.connection() as connection:
            return tile_proofs.inclusion(position, size, lambda tile: self._read(connection, tile))

    def consistency(self, old_size: int, size: int) -> ConsistencyProof:
        """The proof that the tree over the first `size` entries begins with that over `old_size`; reads as `root`.

        Raises `ProofError` unless 0 < old_size <= size.
        """
        with self._database.connection() as connection:
            return tile_proofs.consistency(old_size, size, lambda tile: self._read(connection, tile))

    def grown(self, old_sizes: Sequence[int], size: int) -> tuple[bytes, list[ConsistencyProof]]:
        """`fill` up to the size, its `root`, and its `consistency` with each old one, reading each tile once."""
        read: dict[Tile, bytes] = {}
        with self._database.connection() as connection:
            self._fill(connection, size)

            def once(tile: Tile) -> bytes:
                if tile not in read:
                    read[tile] = self._read(connection, tile)
                return read[tile]

            proofs = [tile_proofs.consistency(old, size, once) for old in old_sizes]
            return tile_proofs.root(size, once), proofs

    def content(self, tile: Tile) -> bytes:
        """The hashes of one tile, as they are published."""
        with self._database.connection() as connection:
            return self._read(connection, tile)

    def stored(self, level: int, index: int) -> tuple[bytes, bytes | None] | None:
        """(hashes, root) of a tile as they are stored, believed or not; None when it is not stored."""
        with self._database.connection() as connection:
            hashes = connection.execute(_SQL["tile"], (level, index), prepare=True, binary=True).fetchone()
            roots = connection.execute(_SQL["roots"], (level, index, index + 1), prepare=True, binary=True).fetchone()
        return (bytes(hashes[0]), roots[1]) if hashes and roots else None

    def _fill(self, connection: Connection, size: int) -> int:
        stored = 0
        have: dict[int, int | None] = dict(connection.execute(_SQL["stored"], prepare=True).fetchall())
        for level in range(LEVELS):
            next_index, stop = have[level] or 0, full_tiles(size, level)
            while next_index < stop:
                end = min(next_index + _BATCH, stop)
                self._store(connection, level, next_index, end)
                stored += end - next_index
                next_index = end
        return stored

    def _read(self, connection: Connection, tile: Tile) -> bytes:
        if tile.is_full:
            row = connection.execute(_SQL["tile"], (tile.level, tile.index), prepare=True, binary=True).fetchone()
            if row is not None:
                return bytes(row[0])
        return self._hashes(connection, tile)

    def _hashes(self, connection: Connection, tile: Tile) -> bytes:
        """The hashes of a tile from the level below, or from the entries."""
        first = tile.index * TILE_WIDTH
        if tile.level == 0:
            return self._leaves(connection, first, first + tile.width)[0]
        rows = connection.execute(
            _SQL["roots"], (tile.level - 1, first, first + tile.width), prepare=True, binary=True
        ).fetchall()
        stored = {index: root for index, root in rows if root is not None}
        return b"".join(
            stored.get(index) or tile_root(self._read(connection, Tile(tile.level - 1, index)))
            for index in range(first, first + tile.width)
        )

    def _leaves(self, connection: Connection, start: int, stop: int) -> list[bytes]:
        """The leaf hashes of the positions, by tile; one connection at a time, so that readers never starve."""
        rows = connection.execute(_SQL["leaves"], (start, stop), prepare=True, binary=True).fetchall()
        if sum(count for _, count, _ in rows) != stop - start:
            row = connection.execute(_SQL["missing"], (start, stop)).fetchone()
            raise EntryMissing(row[0] if row else start)
        return [bytes(hashes) for _, _, hashes in rows]

    def _store(self, connection: Connection, level: int, start: int, stop: int) -> None:
        """The full tiles with these indexes are stored, all of them or none."""
        contents = (
            self._leaves(connection, start * TILE_WIDTH, stop * TILE_WIDTH)
            if level == 0
            else [self._hashes(connection, Tile(level, index)) for index in range(start, stop)]
        )
        roots = [tile_root(content) for content in contents]
        connection.execute(_SQL["store"], (level, list(range(start, stop)), contents, roots), prepare=True)
