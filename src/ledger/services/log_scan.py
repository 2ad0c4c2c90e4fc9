"""One pass over the log, row by row: what is wrong in it, by itself and against its stored tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ledger.domain.times import utc_text
from ledger.errors import EntryError
from ledger.merkle.hashing import HASH_SIZE, leaf_hash
from ledger.merkle.tiles import LEVELS, TILE_WIDTH, Tile, tile_root
from ledger.merkle.tree import Frontier
from ledger.services.key_history import KeyRecord, key_record
from ledger.services.text_scan import TextScan
from ledger.store.checks import LogRow, Said, Snapshot, said


class Finding(Struct, frozen=True):
    """Something that is not as it was recorded or signed."""

    name: str
    """What kind of thing, such as MISSING; docs/integrity.md lists them."""
    position: int | None
    """The first position where it shows; None when it is of no position."""
    what: str


class LogScan:
    """Reads a snapshot of the log once. `findings` has the first of each kind, `size` is how far the log is whole."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.findings: dict[str, Finding] = {}
        self.size = 0
        self.whole = True
        """Whether every position was there, up to the last row."""
        self.recorded_at = 0
        self.versions: dict[str, int] = {}
        self.key_records: list[KeyRecord] = []
        """What the entries say of the keys that sign the log."""
        self.unlike: int | None = None
        """The first position whose entry does not have the leaf hash in its stored tile."""
        self._tree = Frontier()
        self._pending: list[list[bytes]] = [[] for _ in range(LEVELS)]
        self.texts = TextScan(snapshot, self.find)

    def find(self, name: str, position: int | None, what: str) -> None:
        """The finding is kept, if it is the first of its kind."""
        self.findings.setdefault(name, Finding(name, position, what))

    def run(self, sizes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Read the log; yields (size, root) at each of these sizes, in order, as far as the log is whole.

        After a row that is missing there is no tree any more, and what comes after is not looked at.
        """
        wanted = iter(sizes)
        due = next(wanted, None)
        for batch in self._snapshot.rows():
            first = self.size // TILE_WIDTH
            stored = self._snapshot.tiles(0, first, first + len(batch) // TILE_WIDTH + 2)
            self.texts.take(batch)
            for row in batch:
                while due == self.size:
                    yield due, self._tree.root
                    due = next(wanted, None)
                if not self._row(row, stored):
                    return
        while due is not None and due <= self.size:
            yield due, self._tree.root
            due = next(wanted, None)

    def _row(self, row: LogRow, stored: dict[int, tuple[bytes, bytes | None]]) -> bool:
        """The row is taken in; False when it does not have the next position."""
        position = self.size
        if row.position != position:
            self.whole = False
            if row.position > position:
                self.find("MISSING", position, f"no record; the next one is at position {row.position}")
            else:
                self.find("DUPLICATE", row.position, "a record stands where there is one already")
            return False
        if row.recorded_at <= self.recorded_at:
            self.find(
                "ORDER",
                position,
                f"recorded at {utc_text(row.recorded_at)}, and one before it at {utc_text(self.recorded_at)}",
            )
        self._columns(row)
        before = self.versions.get(row.stream, 0)
        if row.version != before + 1:
            self.find("VERSION", position, f"{row.stream} has version {row.version} here, and {before} before")
        self.versions[row.stream] = row.version
        self.recorded_at = max(row.recorded_at, self.recorded_at)
        self._leaf(leaf_hash(row.entry), stored)
        self.size += 1
        return True

    def _columns(self, row: LogRow) -> None:
        entry = said(row.entry)
        if entry is None:
            self.find("UNREADABLE", row.position, "the entry cannot be read")
            return
        try:
            record = key_record(row.position, row.entry)
        except EntryError as error:
            self.find("UNREADABLE", row.position, str(error))
        else:
            self.key_records += [record] if record else []
        beside = Said(row.stream, row.version, row.type, row.recorded_at)
        for name in Said.__struct_fields__:
            if getattr(entry, name) != getattr(beside, name):
                what = f"the column {name} is {getattr(beside, name)!r}, and the entry says {getattr(entry, name)!r}"
                self.find("COLUMN", row.position, what)

    def _leaf(self, leaf: bytes, stored: dict[int, tuple[bytes, bytes | None]]) -> None:
        index, offset = divmod(self.size, TILE_WIDTH)
        held = stored.get(index)
        if self.unlike is None and held and held[0][offset * HASH_SIZE : (offset + 1) * HASH_SIZE] != leaf:
            self.unlike = self.size
        self._tree = self._tree.with_leaf(leaf)
        self._pending[0].append(leaf)
        if len(self._pending[0]) == TILE_WIDTH:
            self._full(Tile(0, index), held)

    def _full(self, tile: Tile, held: tuple[bytes, bytes | None] | None) -> None:
        """The tile has its hashes, from the entries: what is stored is the same, and the one above gets its root."""
        content = b"".join(self._pending[tile.level])
        self._pending[tile.level].clear()
        root = tile_root(content)
        # Above an entry that is unlike its leaf hash everything differs, and says no more than that.
        if held is not None and self.unlike is None:
            first = tile.index * TILE_WIDTH ** (tile.level + 1)
            if held[0] != content:
                self.find("TILE", first, f"the stored {tile.path} does not follow from the entries")
            elif held[1] not in (None, root):
                self.find("TILE", first, f"the stored root of {tile.path} is not that of its hashes")
        self._pending[tile.level + 1].append(root)
        if len(self._pending[tile.level + 1]) == TILE_WIDTH:
            above = Tile(tile.level + 1, tile.index // TILE_WIDTH)
            self._full(above, self._snapshot.tiles(above.level, above.index, above.index + 1).get(above.index))
