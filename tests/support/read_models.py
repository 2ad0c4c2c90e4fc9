"""What is in the tables of read models, and how to begin them anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from psycopg import sql

from ledger.projections import builds, filling, rebuild
from ledger.projections.base import Projection
from ledger.projections.builds import Build
from ledger.services.ledger import Ledger

Contents = dict[str, list[tuple[Any, ...]]]


def contents(ledger: Ledger) -> Contents:
    """Every row of every table of the active builds, and where each build stands."""
    found: Contents = {"parked": []}
    with ledger.database.connection() as connection:
        active = builds.builds_in_use(connection, ledger.projections)
        for projection in ledger.projections:
            build = active[projection.name]
            found[f"{projection.name} stands at"] = [(build.position,)]
            for table in projection.tables:
                statement = sql.SQL("SELECT t.*::text FROM {} AS t ORDER BY 1").format(
                    sql.Identifier(build.schema, table.name)
                )
                found[table.name] = connection.execute(statement).fetchall()
        found["parked"] = [(p.projection, p.stream, p.position, p.error) for p in builds.parked(connection)]
    return found


def begin_anew(ledger: Ledger) -> None:
    """The read models are empty, and have read nothing."""
    with ledger.database.connection() as connection:
        for build in builds.all_builds(connection):
            builds.drop(connection, build)
    builds.ensure(ledger.database, ledger.projections)


def build_of(ledger: Ledger, projection: Projection | str, number: int | None = None) -> Build:
    """The build of that number, by default the active one."""
    name = projection if isinstance(projection, str) else projection.name
    with ledger.database.connection() as connection:
        for build in builds.all_builds(connection):
            if build.projection == name and (build.build == number or (number is None and build.status == "active")):
                return build
    raise AssertionError(f"{name} has no such build")


def check_rebuilt_alike(ledger: Ledger) -> None:
    """What was followed event by event equals what a rebuild makes of each stream as a whole."""
    filling.rebuild(ledger.database, ledger.log, ledger.projections)
    ledger.runner.catch_up()
    for projection in ledger.projections:
        with ledger.database.connection() as connection:
            old, new = rebuild.newest(connection, projection)
            assert old is not None
            assert new is not None
            assert old.position == new.position
            assert rebuild.diff(connection, old, new) == []
            builds.drop(connection, new)


def all_of(ledger: Ledger, name: str) -> list[Build]:
    """Every build of a projection, by number."""
    with ledger.database.connection() as connection:
        return [build for build in builds.all_builds(connection) if build.projection == name]


def differences(ledger: Ledger) -> dict[str, list[rebuild.Difference]]:
    """How the newest builds differ from the active ones, by projection; those that do not are left out."""
    found = {}
    with ledger.database.connection() as connection:
        for projection in ledger.projections:
            old, new = rebuild.newest(connection, projection)
            if old is not None and new is not None:
                found[projection.name] = rebuild.diff(connection, old, new)
    return {name: each for name, each in found.items() if each}


def wait_for_turn(ledger: Ledger) -> None:
    """The server has noticed that the process is gone."""
    deadline = time.monotonic() + 20
    while True:
        with ledger.database.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone()
        if row == (0,):
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


class FillPart(NamedTuple):
    """A part of a fill, as the database holds it."""

    first: str
    """Its first stream."""
    events: int
    done: bool


def fill_parts(ledger: Ledger) -> list[FillPart]:
    """The parts of the one fill that there is, in order."""
    with ledger.database.connection() as connection:
        rows = connection.execute("SELECT first, events, done FROM ledger.fill_part ORDER BY part")
        return [FillPart(*row) for row in rows]


@contextmanager
def held_up(ledger: Ledger, number: int) -> Iterator[None]:
    """Inside the context nobody can do that part of the fill, the first being 0: so the fill does not end."""
    with ledger.database.session() as connection, connection.transaction():
        # The OFFSET stands inside: rows that it passes over would be locked as well.
        held = connection.execute(
            "SELECT FROM ledger.fill_part "
            "WHERE part = (SELECT part FROM ledger.fill_part ORDER BY part OFFSET %s LIMIT 1) FOR UPDATE",
            (number,),
        )
        assert held.rowcount == 1
        yield
