"""The runner: follows the log and keeps every build of every projection in step with it, exactly once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from ledger.domain.events import Record
from ledger.errors import Lagging
from ledger.projections.base import Projection
from ledger.projections.builds import SQL, Build, all_builds, analyze
from ledger.projections.changes import Pending
from ledger.projections.filling import WORTH_WORKERS, fill_empty
from ledger.projections.streams import StreamCache, StreamFailure, StreamState
from ledger.store.database import Connection, Database
from ledger.store.log import Log

BATCH = 5_000
"""Records read at a time, at most."""
BATCH_SECONDS = 0.25
"""How long a batch should take: what a reader waits for at worst, and what is done again after a kill."""
MANY = 2_000
"""The fewest records, followed at once, after which the planner's statistics are renewed; in a long log, a tenth."""

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


class Runner:
    """Brings builds up to a position, batch by batch.

    A batch's rows and the tracking positions are one transaction, under the locks of the builds' tracking rows: two
    runners at once cost time, and never a row too many. Not to be shared between threads.
    """

    def __init__(self, database: Database, log: Log, projections: Sequence[Projection]) -> None:
        self._database = database
        self._log = log
        self._all = tuple(projections)
        self._projections = {projection.name: projection for projection in projections}
        self._cache = StreamCache()
        self._batch = 500

    def catch_up(
        self, stop: int | None = None, progress: Progress | None = None, only: Sequence[Build] | None = None
    ) -> int:
        """Every build that follows has read the log up to `stop` (its head by default); returns that position.

        Builds that have read nothing of a long log are filled: much faster, and perhaps beyond `stop`. `only`: leave
        all other builds alone.
        """
        stop = self._log.head().next_position if stop is None else stop
        first: int | None = None
        while True:
            builds = self._mine(only)
            if only is None and any(_is_worth_a_fill(build, stop) for build in builds):
                fill_empty(self._database, self._log, self._all, progress)
                continue
            behind = [build for build in builds if build.fill is None and build.position < stop]
            if not behind:
                if first is not None:
                    self._renew_statistics(first, stop)
                    if progress is not None:
                        progress(stop - first, stop - first)
                return stop
            start = min(build.position for build in behind)
            first = start if first is None else first
            if progress is not None:
                progress(start - first, stop - first)
            began = time.monotonic()
            done = self._follow(behind, start, stop)
            self._adapt(done, time.monotonic() - began)

    def _mine(self, only: Sequence[Build] | None) -> list[Build]:
        """The builds of these versions of the projections; those of others wait for a product that has theirs."""
        with self._database.connection() as connection:
            builds = [build for build in all_builds(connection) if self._reads(build)]
        if only is None:
            return builds
        wanted = {(build.projection, build.build) for build in only}
        return [build for build in builds if (build.projection, build.build) in wanted]

    def _reads(self, build: Build) -> bool:
        projection = self._projections.get(build.projection)
        return projection is not None and projection.version == build.version

    def _adapt(self, done: int, seconds: float) -> None:
        """The next full batch should take about `BATCH_SECONDS`; it grows to at most double of the last."""
        if done:
            fitting = int(done * BATCH_SECONDS / max(seconds, 1e-6))
            self._batch = max(min(fitting, 2 * self._batch), 20)

    def _renew_statistics(self, first: int, stop: int) -> None:
        """When much was followed at once, the tables are others than the planner believes: it is told, at the end.

        What the log gains little by little is left to the server, which looks every minute; readers would wait for it
        here.
        """
        if stop - first < max(MANY, first // 10):
            return
        builds = self._mine(None)
        with self._database.connection() as connection:
            for build in builds:
                if build.fill is None:
                    analyze(connection, self._projections[build.projection], build)

    def _follow(self, behind: Sequence[Build], start: int, stop: int) -> int:
        """One batch, for the builds that stand at `start`; the others wait until it has come to them.

        Returns how many records it was of; 0 when another runner was faster.
        """
        together = [build for build in behind if build.position == start]
        stop = min([stop, *(build.position for build in behind if build.position > start)])
        records = self._log.records(start, stop, min(self._batch, BATCH))
        if not records:
            raise Lagging(together[0].projection, start, stop)  # the log is not as long as that
        end = records[-1].position + 1
        pending, failed, remembered = self._fold(records)
        # Connections are taken one at a time: whoever holds one and asks for another may wait for others that do.
        with self._database.connection() as connection:
            with connection.transaction():
                # What a crash of the machine may lose is followed once more; rows and positions are lost together.
                connection.execute("SET LOCAL synchronous_commit = off")
                held = _hold_what_is_free(connection, together)
                moved: list[Build] = []
                for build in together:
                    position, parked = held.get((build.projection, build.build), (None, ()))
                    if position != start:
                        continue  # another runner was faster
                    failures = {s: each for s, each in failed[build.projection].items() if s not in parked}
                    mended = [s for s, failure in failures.items() if s in remembered and failure.position < start]
                    if mended:
                        # Tried again with success since this runner gave up on them: the next round folds them anew.
                        for stream in mended:
                            self._cache.drop(stream)
                        continue
                    codes = {stream.partition("/")[2] for stream in parked}
                    pending[build.projection].write(connection, build.schema, codes)
                    for stream, failure in failures.items():
                        connection.execute(
                            SQL["park"], (build.projection, build.build, stream, failure.position, failure.error)
                        )
                    moved.append(build)
                connection.execute(SQL["move"], (end, *_names(moved)))
            if not held:
                # Somebody is at all of them: wait for one, holding nothing.
                connection.execute(SQL["lock_build"], (together[0].projection, together[0].build))
                return 0
        return len(records)

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
            for stream, of_stream in before.items():
                states[stream] = StreamState.resumed(stream, self._all, of_stream)
        return states, remembered


def _is_worth_a_fill(build: Build, stop: int) -> bool:
    """An active build has read nothing of a long log, or a fill of it was interrupted."""
    return build.status == "active" and (build.fill is not None or (build.position == 0 and stop >= WORTH_WORKERS))


def _hold_what_is_free(
    connection: Connection, builds: Sequence[Build]
) -> dict[tuple[str, int], tuple[int, Sequence[str]]]:
    """Position and parked streams, by (projection, build), of those that nobody else is at; they are held from now on.

    Whoever waited for more while holding some could wait for ever with another who does the same.
    """
    rows = connection.execute(SQL["lock_free_builds"], _names(builds))
    return {(projection, build): (position, parked) for projection, build, position, parked in rows}


def _names(builds: Sequence[Build]) -> tuple[list[str], list[int]]:
    return [build.projection for build in builds], [build.build for build in builds]
