"""Read models as their keeper sees them: what there is, how far it has come, and how to replace or mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.errors import NotFound
from ledger.projections import builds, filling
from ledger.projections import rebuild as rebuilding
from ledger.projections.base import Projection
from ledger.projections.builds import Build, Parked, Standing
from ledger.projections.rebuild import Difference
from ledger.projections.retrying import retry as retry_stream
from ledger.services.ledger import Ledger


def standings(ledger: Ledger) -> list[Standing]:
    """How every build of every read model stands."""
    with ledger.database.connection() as connection:
        return builds.standings(connection)


def lag_seconds(ledger: Ledger, standing: Standing) -> float:
    """How long ago the first event that the build has not followed was recorded; 0 when it has followed all."""
    return max(ledger.clock() - standing.waiting_since, 0) / 1e6 if standing.waiting_since is not None else 0.0


def rebuild(
    ledger: Ledger, names: Sequence[str], progress: Callable[[int, int], None], workers: int | None = None
) -> list[Build]:
    """New builds of these read models (all when none is named) hold what follows from the whole log.

    Reports do not read them yet. `workers`: processes to fill with, by default one a core when there is much to do.
    """
    projections = [_projection(ledger, name) for name in dict.fromkeys(names)] or list(ledger.projections)
    ledger.runner.catch_up()
    filled = filling.rebuild(ledger.database, ledger.log, projections, progress, workers)
    position = ledger.runner.catch_up()
    return [Build(each.projection, each.build, each.version, each.status, position, None) for each in filled]


def diff(ledger: Ledger, name: str) -> list[Difference]:
    """How the newest build differs from the one in use. Raises `NotFound` when there is only one."""
    projection = _projection(ledger, name)
    ledger.runner.catch_up()
    with ledger.database.session() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        active, new = rebuilding.newest(connection, projection)
        if active is None or new is None:
            raise NotFound("second build of read model", name)
        return rebuilding.diff(connection, active, new)


def discard(ledger: Ledger, build: Build) -> None:
    """The build is gone."""
    with ledger.database.connection() as connection:
        builds.drop(connection, build)


def switch(ledger: Ledger, names: Sequence[str]) -> list[Build]:
    """Reports read the newest builds of these read models, all from the same moment on.

    Products of another version of a read model go on reading the newest build of their own.
    """
    return _exchange(ledger, names, rebuilding.switch)


def rollback(ledger: Ledger, names: Sequence[str]) -> list[Build]:
    """Reports read the builds before the ones in use again, all from the same moment on."""
    return _exchange(ledger, names, rebuilding.rollback)


def parked(ledger: Ledger) -> list[Parked]:
    """The streams that builds have given up on, where, and why."""
    with ledger.database.connection() as connection:
        return builds.parked(connection)


def retry(ledger: Ledger, name: str | None = None, stream: str | None = None) -> tuple[list[Parked], list[Parked]]:
    """(those that are parked no more, those on which the projection failed again), of one read model or of all.

    Raises `NotFound` for a stream that is not parked. Builds of other versions of the product are left alone.
    """
    wanted = {projection.name: projection for projection in ledger.projections}
    if name is not None:
        wanted = {name: _projection(ledger, name)}
    with ledger.database.session() as connection:
        mine = {
            (build.projection, build.build): build
            for build in builds.all_builds(connection)
            if build.projection in wanted and build.version == wanted[build.projection].version
        }
        tried = [
            each
            for each in builds.parked(connection)
            if (each.projection, each.build) in mine and stream in (None, each.stream)
        ]
        if stream is not None and not tried:
            raise NotFound("parked stream", stream)
        mended, failed = [], []
        for each in tried:
            again = retry_stream(
                connection, ledger.log, wanted[each.projection], mine[each.projection, each.build], each.stream
            )
            if again is None:
                mended.append(each)
            else:
                failed.append(again)
    return mended, failed


def _exchange(ledger: Ledger, names: Sequence[str], act: Callable[..., list[Build]]) -> list[Build]:
    projections = [_projection(ledger, name) for name in dict.fromkeys(names)]
    ledger.runner.catch_up()
    with ledger.database.session() as connection:
        return act(connection, projections, lambda position, news: ledger.runner.catch_up(position, only=news))


def _projection(ledger: Ledger, name: str) -> Projection:
    for projection in ledger.projections:
        if projection.name == name:
            return projection
    raise NotFound("read model", f"{name}: there are {', '.join(p.name for p in ledger.projections)}")
