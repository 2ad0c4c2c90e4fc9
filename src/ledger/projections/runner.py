"""The runner: follows the log and keeps every build of every projection in step with it, exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from ledger.domain.events import Record
from ledger.projections.base import Projection
from ledger.projections.builds import SQL, Build, all_builds, analyze
from ledger.projections.changes import Pending
from ledger.projections.filling import WORTH_WORKERS, fill_empty
from ledger.projections.streams import StreamCache, StreamFailure, StreamState, replay
from ledger.store.database import Connection, Database
from ledger.store.log import Log

BATCH = 2_000
"""Records read at a time."""
MANY = 2_000
"""Records after which the planner's statistics are renewed."""

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


class Runner:
    """Brings builds up to a position, batch by batch.

    A batch's rows and the tracking position are one transaction a build, under the lock of the build's tracking row:
    two runners at once cost time, and never a row too many. Not to be shared between threads.
    """

    def __init__(self, database: Database, log: Log, projections: Sequence[Projection]) -> None:
        self._database = database
        self._log = log
        self._all = tuple(projections)
        self._projections = {projection.name: projection for projection in projections}
        self._cache = StreamCache()

    def catch_up(
        self, stop: int | None = None, progress: Progress | None = None, only: Sequence[Build] | None = None
    ) -> int:
        """Every build that follows has read the log up to `stop` (its head by default); returns that position.

        Builds that have read nothing of a long log are filled: much faster, and perhaps beyond `stop`. `only`: leave
        all other builds alone.
        """
        stop = self._log.head().next_position if stop is None else stop
        if only is None and self._is_worth_a_fill(stop):
            fill_empty(self._database, self._log, self._all, progress)
        first: int | None = None
        while True:
            with self._database.connection() as connection:
                behind = self._behind(connection, stop)
            if only is not None:
                wanted = {(build.projection, build.build) for build in only}
                behind = [build for build in behind if (build.projection, build.build) in wanted]
            if not behind:
                if first is not None:
                    self._renew_statistics(stop - first)
                    if progress is not None:
                        progress(stop - first, stop - first)
                return stop
            start = min(build.position for build in behind)
            first = start if first is None else first
            if progress is not None:
                progress(start - first, stop - first)
            self._follow(behind, start, stop)

    def _is_worth_a_fill(self, stop: int) -> bool:
        with self._database.connection() as connection:
            return any(
                build.fill is not None or (build.position == 0 and stop >= WORTH_WORKERS)
                for build in all_builds(connection)
                if build.status == "active" and self._reads(build)
            )

    def _renew_statistics(self, records: int) -> None:
        """After many records the tables are others than the planner believes: it is told, once, at the end."""
        if records >= MANY:
            with self._database.connection() as connection:
                for build in all_builds(connection):
                    if build.fill is None and self._reads(build):
                        analyze(connection, self._projections[build.projection], build)

    def _behind(self, connection: Connection, stop: int) -> list[Build]:
        return [
            build
            for build in all_builds(connection)
            if build.fill is None and build.position < stop and self._reads(build)
        ]

    def _reads(self, build: Build) -> bool:
        """The build is of this version of its projection; builds of others wait for a product that has theirs."""
        projection = self._projections.get(build.projection)
        return projection is not None and projection.version == build.version

    def _follow(self, behind: Sequence[Build], start: int, stop: int) -> None:
        """One batch, for the builds that stand at `start`; the others wait until it has come to them."""
        together = [build for build in behind if build.position == start]
        stop = min([stop, *(build.position for build in behind if build.position > start)])
        records = self._log.records(start, stop, BATCH)
        end = records[-1].position + 1
        pending, failed, remembered = self._fold(records)
        # Connections are taken one at a time: whoever holds one and asks for another may wait for others that do.
        with self._database.connection() as connection:
            for build in together:
                with connection.transaction():
                    row = connection.execute(SQL["lock_build"], (build.projection, build.build)).fetchone()
                    if row is None or row[0] != start:
                        continue  # another runner was faster
                    parked = set(row[1])
                    failures = {s: failure for s, failure in failed[build.projection].items() if s not in parked}
                    mended = [s for s, failure in failures.items() if s in remembered and failure.position < start]
                    if mended:
                        # Tried again with success since this runner gave up on them: fold them anew, in the next round.
                        for stream in mended:
                            self._cache.drop(stream)
                        return
                    pending[build.projection].write(
                        connection, build.schema, {stream.partition("/")[2] for stream in parked}
                    )
                    for stream, failure in failures.items():
                        connection.execute(
                            SQL["park"], (build.projection, build.build, stream, failure.position, failure.error)
                        )
                    connection.execute(SQL["move"], (end, build.projection, build.build))

    def _fold(
        self, records: Sequence[Record]
    ) -> tuple[Mapping[str, Pending], Mapping[str, dict[str, StreamFailure]], set[str]]:
        """By projection: the rows that the records change, and the streams on which it failed, now or before.

        The third are the streams whose states were at hand, and not folded from the log just now.
        """
        states, remembered = self._states(records)
        pending: dict[str, Pending] = defaultdict(Pending)
        failed: dict[str, dict[str, StreamFailure]] = defaultdict(dict)
        for record in records:
            state = states[record.event.stream]
            for projection, changes in state.advance(record):
                pending[projection].add(record.position, changes)
        for stream, state in states.items():
            for projection, failure in state.failures.items():
                failed[projection][stream] = failure
            self._cache.put(stream, state)
        return pending, failed, remembered

    def _states(self, records: Sequence[Record]) -> tuple[dict[str, StreamState], set[str]]:
        """The states of the records' streams just before them, and which of them were at hand, and not read anew."""
        first: dict[str, Record] = {}
        for record in records:
            first.setdefault(record.event.stream, record)
        states: dict[str, StreamState] = {}
        missing: list[str] = []
        remembered: set[str] = set()
        for stream, record in first.items():
            held = self._cache.get(stream, record.event.version - 1)
            # A state is changed in place from here on; should this batch fail, it must not be found again.
            self._cache.drop(stream)
            if record.event.version == 1:
                states[stream] = StreamState(stream, self._all)
            elif held is not None:
                states[stream] = held
                remembered.add(stream)
            else:
                missing.append(stream)
        if missing:
            before = self._log.stream_records(dict.fromkeys(missing, 0), records[0].position)
            states.update(replay(self._all, before))
        return states, remembered
