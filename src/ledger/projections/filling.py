"""Fill builds with all that the log holds: stream by stream, several projections at once, by several workers.

A fill is divided into parts, each some streams with a few thousand events. Whoever takes a part folds its streams
whole, for all builds of the fill, and writes what came of them in the transaction that marks the part as done. So a
part is done once, whoever is killed and whenever, and a fill that was interrupted goes on with the parts that are left.
Rows come in by COPY into tables without indexes, which are made at the end; a build stands at position 0 until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from ledger.errors import RebuildRefused
from ledger.processes import cores
from ledger.projections import builds
from ledger.projections.base import Projection
from ledger.projections.builds import Build
from ledger.projections.filling_part import SQL, Fill, do_parts
from ledger.projections.filling_workers import Workers
from ledger.store.database import Connection, Database
from ledger.store.log import Log

EVENTS = 5_000
"""About so many events are one part: what is done again after a kill."""
AHEAD_BYTES = 80_000_000
"""About so many bytes of the log are one haul: what a worker reads at once, and holds in memory until it is folded."""
WORTH_WORKERS = 20_000
"""Events from which on processes of their own are worth their start."""

Progress = Callable[[int, int], None]
"""Called with (events done, events in all)."""


def rebuild(
    database: Database,
    log: Log,
    projections: Sequence[Projection],
    progress: Progress | None = None,
    workers: int | None = None,
) -> list[Build]:
    """New builds of the projections hold all that follows from the log up to where it was when the rebuild began.

    A rebuild that was interrupted is taken up where it stopped. The work is done by as many worker processes as given,
    by default one a core when there is much of it, and in this process when `workers` is 0. Raises `RebuildRefused`
    when another process fills one of them, when one is still being filled for the first time, and when workers came to
    grief: what they did until then stays done.
    """
    with _turn(database, projections, wait=False) as connection:
        filling = [_current(connection, projection) for projection in projections]
        anew = [projection for projection, build in zip(projections, filling, strict=True) if build is None]
        if anew:
            _begin(connection, log, anew)
        return _fill(connection, database, log, projections, progress, workers)


def fill_empty(
    database: Database,
    log: Log,
    projections: Sequence[Projection],
    progress: Progress | None = None,
    workers: int | None = None,
) -> None:
    """The active builds that had read nothing hold all that follows from the log up to where it was.

    As `rebuild`, but when another process is at it, this waits until that is done, and goes on if it was not.
    """
    with _turn(database, projections, wait=True) as connection:
        empty = [
            (projection, build)
            for build in builds.all_builds(connection)
            for projection in projections
            if build.projection == projection.name and build.status == "active" and build.version == projection.version
            and build.position == 0
        ]  # fmt: skip
        anew = [(projection, build) for projection, build in empty if build.fill is None]
        if anew:
            _begin_in_place(connection, log, anew)
        _fill(connection, database, log, [projection for projection, _ in empty], progress, workers)
    builds.ensure(database, projections)  # for those that another version of the product had begun to fill


@contextmanager
def _turn(database: Database, projections: Sequence[Projection], *, wait: bool) -> Iterator[Connection]:
    """Nobody else fills these projections inside the context; the connection's session is what holds that."""
    with database.session() as connection:
        try:
            # In one order everywhere, so that two who wait never wait for each other.
            for name in sorted(projection.name for projection in projections):
                row = connection.execute(SQL["wait_for_turn" if wait else "take_turn"], (name,)).fetchone()
                if row is None or row[0] is False:
                    raise RebuildRefused(f"{name} is being rebuilt by another process: wait for it, or stop it")
            yield connection
        finally:
            # A session that is closed may hold it a moment longer, and who goes on at once would be refused.
            if not connection.closed:
                connection.execute(SQL["leave_turn"])


def _current(connection: Connection, projection: Projection) -> Build | None:
    """The projection's build that is being filled; one of another version is dropped, nobody will ever finish it."""
    for build in builds.all_builds(connection):
        if build.projection == projection.name and build.fill is not None:
            if build.status == "active":
                raise RebuildRefused(f"{projection.name} is being filled for the first time: let that be done before")
            if build.version == projection.version:
                return build
            builds.drop(connection, build)
    return None


def _begin(connection: Connection, log: Log, projections: Sequence[Projection]) -> None:
    position = log.head().next_position
    with connection.transaction():
        fill = _divided(connection, position, projections)
        for projection in projections:
            if builds.create(connection, projection, "following", fill) is None:
                raise RebuildRefused(f"another process has just begun to rebuild {projection.name}: wait for it")


def _begin_in_place(connection: Connection, log: Log, empty: Sequence[tuple[Projection, Build]]) -> None:
    position = log.head().next_position
    with connection.transaction():
        fill = _divided(connection, position, [projection for projection, _ in empty])
        for projection, build in empty:
            marked = connection.execute(SQL["fill_anew"], (fill, build.projection, build.build)).fetchone()
            if marked is not None:  # else a runner has begun to follow meanwhile: let it
                connection.execute("SELECT ledger.drop_read_model(%s)", (build.schema,))
                builds.make_tables(connection, projection, build)


def _divided(connection: Connection, position: int, projections: Sequence[Projection]) -> int:
    """A new fill up to that position, with its parts; returns its number."""
    row = connection.execute(SQL["begin"], (position,)).fetchone()
    if row is None:
        raise AssertionError("an INSERT that returns a number returns one")
    kinds = sorted({projection.stream_kind for projection in projections})
    connection.execute(SQL["divide"], {"fill": row[0], "events": EVENTS, "bytes": AHEAD_BYTES, "kinds": kinds})
    return int(row[0])


def _fill(
    connection: Connection,
    database: Database,
    log: Log,
    projections: Sequence[Projection],
    progress: Progress | None,
    workers: int | None,
) -> list[Build]:
    """The builds of these projections that are being filled are done; returns them."""
    named = {projection.name: projection for projection in projections}
    waiting = [build for build in builds.all_builds(connection) if build.fill is not None]
    for build in waiting:
        # What was begun together and is not asked for now would be left without the parts that are done here.
        if build.projection not in named and any(b.fill == build.fill and b.projection in named for b in waiting):
            builds.drop(connection, build)
    finished: list[Build] = []
    mine = [b for b in waiting if b.projection in named and b.version == named[b.projection].version]
    for number in sorted({build.fill for build in mine if build.fill is not None}):
        of_fill = [build for build in mine if build.fill == number]
        fill = Fill(number, _position(connection, number), tuple((named[b.projection], b) for b in of_fill))
        _do_parts(connection, database, log, fill, progress, workers)
        finished += _finish(database, fill)
    connection.execute(SQL["forget"])
    return finished


def _position(connection: Connection, fill: int) -> int:
    row = connection.execute(SQL["position"], (fill,)).fetchone()
    if row is None:
        raise AssertionError("a build that waits for a fill refers to it")
    return int(row[0])


def _do_parts(
    connection: Connection, database: Database, log: Log, fill: Fill, progress: Progress | None, workers: int | None
) -> None:
    """Every part is done, also those that workers of an interrupted fill may still have been at."""
    while True:
        done, total, left = connection.execute(SQL["progress"], (fill.number,)).fetchone() or (0, 0, 0)
        if progress is not None:
            progress(done, total)
        if not left:
            return
        wanted = workers if workers is not None else cores() if total - done >= WORTH_WORKERS else 0
        by_workers = iter(Workers(database.conninfo, fill, min(wanted, left))) if wanted else None
        with closing(by_workers or do_parts(connection, log, fill)) as parts:
            for events in parts:
                done += events
                if progress is not None:
                    progress(done, total)
        with connection.transaction():
            connection.execute(SQL["wait_for_part"], (fill.number,))


def _finish(database: Database, fill: Fill) -> list[Build]:
    """The builds have their indexes and statistics, and follow the log from the fill's position on."""
    with ThreadPoolExecutor(cores()) as threads:  # the work is the server's
        return list(threads.map(lambda each: _finish_one(database, fill, *each), fill.builds))


def _finish_one(database: Database, fill: Fill, projection: Projection, build: Build) -> Build:
    with database.session() as connection, connection.transaction():
        connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        builds.make_indexes(connection, projection, build)
        builds.analyze(connection, projection, build)
        connection.execute(SQL["finish"], (build.projection, build.build, fill.number))
    return Build(build.projection, build.build, build.version, build.status, fill.position, None)
