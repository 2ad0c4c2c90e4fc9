"""Questions to one ledger at (as_of, on): which position that is, and a reading that stands there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ledger.domain.rules import EARLIEST, LATEST
from ledger.domain.times import as_of_microseconds, local_day, parse_day, zone_of
from ledger.domain.values import Document
from ledger.errors import BadQuery, Lagging
from ledger.projections.base import Projection
from ledger.projections.builds import builds_in_use
from ledger.projections.read_models import ReadModels
from ledger.projections.replay import Replay
from ledger.projections.rows import Point, Reading
from ledger.services.clock import Clock
from ledger.store.database import Database
from ledger.store.entry import decode_entry
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.texts import TextStore
from ledger.store.tiles import TileStore

KeepUp = Callable[[int], None]
"""Sees to it that the read models have followed the log up to a position, or raises `Lagging`."""


class Queries:
    """Reads one ledger. Safe to use from many threads when `keep_up` is."""

    def __init__(
        self,
        database: Database,
        log: Log,
        tiles: TileStore,
        locale: Locale,
        projections: Sequence[Projection],
        clock: Clock,
        keep_up: KeepUp,
    ) -> None:
        self.log = log
        self.tiles = tiles
        self.texts = TextStore(database)
        self.zone = zone_of(locale.time_zone)
        self._calendar = locale.calendar
        self._projections = projections
        self._database = database
        self._clock = clock
        self._keep_up = keep_up

    def point(self, as_of: str | None, on: str | None) -> Point:
        """The point that the two parameters name; either is now when not given. Raises `BadQuery`.

        `as_of` is a local day (all of it) or an instant with an offset; `on` is a local day. Now, as far as knowledge
        goes, is the time of the last record: what is being recorded at this moment may get an earlier time than the
        clock shows, and the same `as_of` must not come to know it later.
        """
        now = self._clock()
        day = local_day(now, self.zone)
        if on is not None:
            asked = parse_day(on)
            if asked is None:
                raise BadQuery("on", f"{on!r} is not a day (2025-03-08)")
            if not EARLIEST <= asked <= LATEST:
                raise BadQuery("on", f"{on} does not lie between {EARLIEST} and {LATEST}")
            day = asked
        head = self.log.head()
        if as_of is None:
            return Point(head.recorded_at if head.next_position else now, head.next_position, day, self._calendar)
        known = as_of_microseconds(as_of, self.zone)
        return Point(known, self.log.position_at(known), day, self._calendar)

    def root(self, position: int) -> bytes:
        """The root of the Merkle tree over the records before the position."""
        return self.tiles.root(position)

    def imports(self, position: int) -> Sequence[Document]:
        """The files of older systems that these records rest on."""
        return self.log.imports(position)

    def resolve(self, references: Collection[str]) -> Mapping[str, str]:
        """By reference: its text, or `Absent` for why there is none."""
        return self.texts.resolve(references)

    @contextmanager
    def reading(self, point: Point, *, replay: bool = False) -> Iterator[Reading]:
        """The ledger as it stands at the point: from the read models, or by a fold over the log.

        Raises `Lagging` when the read models do not get there in time.
        """
        if replay:
            batches = self.log.entries_in_batches(0, point.position)
            records = (decode_entry(position, entry) for batch in batches for position, entry in batch)
            yield Replay(records, point, self.zone)
            return
        self._keep_up(point.position)
        with self._database.connection() as connection, connection.transaction():
            # One snapshot for all that is read, so that a batch written meanwhile is seen whole or not at all.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # A plan that fits any parameters reads whole tables for one task; planning anew costs less than 1 ms.
            connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            builds = builds_in_use(connection, self._projections)
            for build in builds.values():
                if build.position < point.position:
                    raise Lagging(build.projection, build.position, point.position)
            yield ReadModels(connection, builds, point)
