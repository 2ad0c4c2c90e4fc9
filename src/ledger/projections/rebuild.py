"""Put a read model's new build in the place of the one in use: compare, switch, roll back."""

from __future__ import annotations

from msgspec import Struct
from psycopg import sql

from ledger.errors import NotFound
from ledger.projections import builds
from ledger.projections.base import Projection, Table
from ledger.projections.builds import Build
from ledger.store.database import Connection


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

    Both must stand at the same position. Row by row with all columns, the whole known history included.
    """
    found = []
    for table in projection.tables:
        old_rows, new_rows = _only_in(connection, table, old, new), _only_in(connection, table, new, old)
        if old_rows or new_rows:
            examples = tuple(row[0] for row in (*old_rows[:3], *new_rows[:3]))
            found.append(Difference(table.name, len(old_rows), len(new_rows), examples))
    return found


def _only_in(connection: Connection, table: Table, one: Build, other: Build) -> list[tuple[str]]:
    columns = sql.SQL(", ").join(map(sql.Identifier, (*table.columns, "known_from", "known_to")))
    statement = sql.SQL(
        "SELECT (d.*)::text FROM (SELECT {c} FROM {one} EXCEPT ALL SELECT {c} FROM {other}) AS d"
    ).format(c=columns, one=sql.Identifier(one.schema, table.name), other=sql.Identifier(other.schema, table.name))
    return connection.execute(statement).fetchall()


def switch(connection: Connection, projection: str) -> Build:
    """Reports read the newest build that follows; the one before goes on following, so `rollback` finds it in step.

    Older builds are dropped. Raises `NotFound` when there is nothing to switch to.
    """
    active, new = newest(connection, projection)
    if new is None or (active is not None and new.build < active.build):
        raise NotFound("newer build of read model", projection)
    for build in builds.all_builds(connection):
        if build.projection == projection and build.build not in (new.build, active.build if active else -1):
            builds.drop(connection, build)
    builds.activate(connection, new)
    return new


def rollback(connection: Connection, projection: str) -> Build:
    """Reports read the build before the active one again. Raises `NotFound` when there is none."""
    active, old = newest(connection, projection)
    if old is None or active is None or old.build > active.build:
        raise NotFound("earlier build of read model", projection)
    builds.activate(connection, old)
    return old
