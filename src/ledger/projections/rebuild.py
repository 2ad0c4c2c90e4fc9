"""Put a read model's new build in the place of the one in use: compare, switch, roll back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from psycopg import sql

from ledger.errors import NotFound
from ledger.projections import builds
from ledger.projections.base import Projection, Table
from ledger.projections.builds import Build
from ledger.store.database import Connection

EXAMPLES = 3
"""Rows shown of those that differ, from either side."""


class Difference(Struct, frozen=True):
    """How two builds of a table differ, in all that was ever known."""

    table: str
    only_in_old: int
    only_in_new: int
    examples: tuple[str, ...]


def newest(connection: Connection, projection: str) -> tuple[Build | None, Build | None]:
    """(the build that is read, the newest that only follows): the two that diff and switch are about."""
    mine = [build for build in builds.all_builds(connection) if build.projection == projection]
    active = next((build for build in mine if build.status == "active"), None)
    following = [build for build in mine if build.status == "following" and build.fill is None]
    return active, following[-1] if following else None


def diff(connection: Connection, projection: Projection, old: Build, new: Build) -> list[Difference]:
    """How the rows of two builds differ, table by table; empty when they are equal.

    Row by row with all columns, the whole known history included, as far as both have followed the log: what one of
    them knows beyond that is left out. To be called in one snapshot.
    """
    position = min(old.position, new.position)
    found = []
    for table in projection.tables:
        only_in_old, old_rows = _only_in(connection, table, position, old, new)
        only_in_new, new_rows = _only_in(connection, table, position, new, old)
        if only_in_old or only_in_new:
            found.append(Difference(table.name, only_in_old, only_in_new, (*old_rows, *new_rows)))
    return found


def _only_in(
    connection: Connection, table: Table, position: int, one: Build, other: Build
) -> tuple[int, tuple[str, ...]]:
    """How many rows are known to the one alone when `position` events are known, and some of them as text."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    known = sql.SQL(
        "SELECT {c}, known_from, CASE WHEN known_to < {p} THEN known_to END AS known_to FROM {t} WHERE known_from < {p}"
    )
    one_rows, other_rows = (
        known.format(c=columns, p=sql.Literal(position), t=sql.Identifier(build.schema, table.name))
        for build in (one, other)
    )
    statement = sql.SQL("SELECT count(*) OVER (), (d.*)::text FROM ({} EXCEPT ALL {}) AS d LIMIT {}")
    rows = connection.execute(statement.format(one_rows, other_rows, EXAMPLES)).fetchall()
    return (rows[0][0] if rows else 0), tuple(text for _, text in rows)


def switch(
    connection: Connection, names: Sequence[str], follow: Callable[[int, Sequence[Build]], object]
) -> list[Build]:
    """Reports read the newest builds of these projections, all from one transaction on; returns them.

    The ones before go on following, so `rollback` finds them in step; older ones are dropped. `follow(position,
    builds)` brings builds up to a position: what reports knew before the switch they know after it. Raises `NotFound`
    when there is nothing to switch to, and changes nothing then.
    """
    pairs = []
    for name in names:
        active, new = newest(connection, name)
        if new is None or (active is not None and new.build < active.build):
            raise NotFound("newer build of read model", name)
        pairs.append((active, new))
    kept = {(build.projection, build.build) for pair in pairs for build in pair if build is not None}
    for build in builds.all_builds(connection):
        if build.projection in names and (build.projection, build.build) not in kept:
            builds.drop(connection, build)
    return _exchange(connection, pairs, follow)


def rollback(
    connection: Connection, names: Sequence[str], follow: Callable[[int, Sequence[Build]], object]
) -> list[Build]:
    """Reports read the builds before the active ones again; otherwise as `switch`."""
    pairs: list[tuple[Build | None, Build]] = []
    for name in names:
        active, old = newest(connection, name)
        if old is None or active is None or old.build > active.build:
            raise NotFound("earlier build of read model", name)
        pairs.append((active, old))
    return _exchange(connection, pairs, follow)


def _exchange(
    connection: Connection,
    pairs: Sequence[tuple[Build | None, Build]],
    follow: Callable[[int, Sequence[Build]], object],
) -> list[Build]:
    news = [new for _, new in pairs]
    with connection.transaction():
        # No runner moves the builds in use any further until it is done.
        positions = [builds.hold(connection, active) for active, _ in pairs if active is not None]
        follow(max(positions, default=0), news)
        for new in news:
            builds.activate(connection, new)
    return news
