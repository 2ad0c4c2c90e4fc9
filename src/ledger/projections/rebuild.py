"""Put a read model's new build in the place of the one in use: compare, switch, roll back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from psycopg import sql

from ledger.errors import NotFound
from ledger.projections import builds
from ledger.projections.base import Projection
from ledger.projections.builds import Build
from ledger.store.database import Connection

EXAMPLES = 3
"""Rows shown of those that differ, from either side."""


class Difference(Struct, frozen=True):
    """How a table differs between two builds, in all that was ever known."""

    table: str
    only_in_old: int
    """Rows that the old build alone has, compared by the columns that both have."""
    only_in_new: int
    examples: tuple[str, ...]
    columns_only_in_old: tuple[str, ...]
    """Columns, with their types, that the old build alone has: all of them, when the new one has no such table."""
    columns_only_in_new: tuple[str, ...]


def newest(connection: Connection, projection: Projection) -> tuple[Build | None, Build | None]:
    """(the active build, the newest of this version of the projection that only follows): what `diff` compares."""
    active, following = builds.active_and_others(builds.all_builds(connection), projection)
    return active, following[-1] if following else None


def diff(connection: Connection, old: Build, new: Build) -> list[Difference]:
    """How two builds of a projection differ, table by table; empty when they are equal.

    Row by row with all columns that both have, the whole known history included, as far as both have followed the log:
    what one of them knows beyond that is left out. Tables and columns of one alone are named, so that builds of two
    versions of a projection can be compared. To be called in one snapshot.
    """
    position = min(old.position, new.position)
    old_tables, new_tables = builds.columns(connection, old), builds.columns(connection, new)
    found = []
    for table in dict.fromkeys((*old_tables, *new_tables)):
        olds, news = old_tables.get(table, {}), new_tables.get(table, {})
        both = [name for name, kind in news.items() if olds.get(name) == kind]
        if not olds or not news:
            only_in_old = _known(connection, table, position, old) if olds else 0
            only_in_new = _known(connection, table, position, new) if news else 0
            examples: tuple[str, ...] = ()
        else:
            only_in_old, old_rows = _only_in(connection, table, both, position, old, new)
            only_in_new, new_rows = _only_in(connection, table, both, position, new, old)
            examples = (*old_rows, *new_rows)
        dropped, added = (
            tuple(f"{name} {kind}" for name, kind in own.items() if name not in both) for own in (olds, news)
        )
        if only_in_old or only_in_new or dropped or added:
            found.append(Difference(table, only_in_old, only_in_new, examples, dropped, added))
    return found


def _known(connection: Connection, table: str, position: int, build: Build) -> int:
    """How many rows of the table are known, now or once, when `position` events are."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE known_from < {}")
    row = connection.execute(statement.format(sql.Identifier(build.schema, table), sql.Literal(position))).fetchone()
    return int(row[0]) if row else 0


def _only_in(
    connection: Connection, table: str, columns: Sequence[str], position: int, one: Build, other: Build
) -> tuple[int, tuple[str, ...]]:
    """How many rows are known to the one alone when `position` events are known, and some of them as text."""
    kept = sql.SQL(", ").join(sql.Identifier(name) for name in columns if name != "known_to")
    known = sql.SQL(
        "SELECT {c}, CASE WHEN known_to < {p} THEN known_to END AS known_to FROM {t} WHERE known_from < {p}"
    )
    one_rows, other_rows = (
        known.format(c=kept, p=sql.Literal(position), t=sql.Identifier(build.schema, table)) for build in (one, other)
    )
    statement = sql.SQL("SELECT count(*) OVER (), (d.*)::text FROM ({} EXCEPT ALL {}) AS d LIMIT {}")
    rows = connection.execute(statement.format(one_rows, other_rows, EXAMPLES)).fetchall()
    return (rows[0][0] if rows else 0), tuple(text for _, text in rows)


def switch(
    connection: Connection, projections: Sequence[Projection], follow: Callable[[int, Sequence[Build]], object]
) -> list[Build]:
    """The newest builds of these versions of the projections are active, all from one transaction on; returns them.

    The ones before go on following, so `rollback` finds them in step; older ones are dropped. `follow(position,
    builds)` brings builds up to a position: what reports knew before the switch they know after it. Raises `NotFound`
    when there is nothing to switch to, and changes nothing then.
    """
    pairs = []
    every = builds.all_builds(connection)
    for projection in projections:
        active, following = builds.active_and_others(every, projection)
        newer = [build for build in following if active is None or _age(build) > _age(active)]
        if not newer:
            raise NotFound("newer build of read model", _named(projection))
        pairs.append((active, newer[-1]))
    for active, new in pairs:
        for build in every:
            in_use = active is not None and build.build == active.build
            if build.projection == new.projection and not in_use and _age(build) < _age(new):
                builds.drop(connection, build)
    return _exchange(connection, pairs, follow)


def rollback(
    connection: Connection, projections: Sequence[Projection], follow: Callable[[int, Sequence[Build]], object]
) -> list[Build]:
    """The builds before the active ones are active again; otherwise as `switch`."""
    pairs: list[tuple[Build | None, Build]] = []
    every = builds.all_builds(connection)
    for projection in projections:
        active, following = builds.active_and_others(every, projection)
        earlier = [build for build in following if active is not None and _age(build) < _age(active)]
        if not earlier:
            raise NotFound("earlier build of read model", _named(projection))
        pairs.append((active, earlier[-1]))
    return _exchange(connection, pairs, follow)


def _age(build: Build) -> tuple[int, int]:
    """Builds of a later version are later, whichever product was the first to make one."""
    return build.version, build.build


def _named(projection: Projection) -> str:
    return f"{projection.name} with version {projection.version}, which this product has"


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
