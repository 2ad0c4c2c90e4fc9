"""Read models as their keeper sees them: what there is, how far it has come, and how to replace it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.errors import NotFound
from ledger.projections import builds
from ledger.projections import rebuild as rebuilding
from ledger.projections.base import Projection
from ledger.projections.builds import Build
from ledger.projections.rebuild import Difference
from ledger.services.ledger import Ledger


def listing(ledger: Ledger) -> list[dict[str, Any]]:
    """Every build: projection, build, version, status, position, how many records it is behind, streams parked."""
    head = ledger.log.head().next_position
    with ledger.database.connection() as connection:
        parked = builds.parked(connection)
        return [
            {
                "projection": build.projection,
                "build": build.build,
                "version": build.version,
                "status": build.status,
                "position": build.position,
                "behind": head - build.position,
                "parked": sum((p.projection, p.build) == (build.projection, build.build) for p in parked),
            }
            for build in builds.all_builds(connection)
        ]


def rebuild(ledger: Ledger, name: str, progress: Callable[[int, int], None]) -> Build:
    """A new build of the read model that follows from the whole log, not yet read by reports."""
    build = rebuilding.fill(ledger.database, ledger.log, _projection(ledger, name), progress)
    position = ledger.runner.catch_up()
    return Build(build.projection, build.build, build.version, "following", position, None)


def diff(ledger: Ledger, name: str) -> list[Difference]:
    """How the newest build differs from the one in use. Raises `NotFound` when there is only one."""
    projection = _projection(ledger, name)
    ledger.runner.catch_up()
    with ledger.database.connection() as connection:
        active, new = rebuilding.newest(connection, name)
        if active is None or new is None:
            raise NotFound("second build of read model", name)
        return rebuilding.diff(connection, projection, active, new)


def discard(ledger: Ledger, build: Build) -> None:
    """The build is gone."""
    with ledger.database.connection() as connection:
        builds.drop(connection, build)


def switch(ledger: Ledger, name: str) -> Build:
    """Reports read the newest build from now on."""
    _projection(ledger, name)
    ledger.runner.catch_up()
    with ledger.database.connection() as connection:
        return rebuilding.switch(connection, name)


def rollback(ledger: Ledger, name: str) -> Build:
    """Reports read the build before the one in use again."""
    _projection(ledger, name)
    with ledger.database.connection() as connection:
        return rebuilding.rollback(connection, name)


def _projection(ledger: Ledger, name: str) -> Projection:
    for projection in ledger.projections:
        if projection.name == name:
            return projection
    raise NotFound("read model", f"{name}: there are {', '.join(p.name for p in ledger.projections)}")
