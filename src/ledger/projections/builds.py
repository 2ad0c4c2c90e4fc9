"""The builds of projections: which there are, where each stands, which is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from psycopg import sql

from ledger.errors import NotFound, Outdated
from ledger.projections.base import Projection
from ledger.store import queries
from ledger.store.database import Connection, Database

SQL = queries.load("ledger.projections.sql", "runner.sql")


class Build(Struct, frozen=True):
    """One build of a projection: a schema of its own, filled by one version of the code."""

    projection: str
    build: int
    version: int
    status: Literal["following", "active"]
    position: int
    """The next position that it reads; 0 while it is being filled."""
    fill: int | None
    """The fill that it waits for."""

    @property
    def schema(self) -> str:
        """The schema that holds its tables."""
        return f"rm_{self.projection}_v{self.version}_b{self.build}"


class Parked(Struct, frozen=True):
    """A stream that a build has given up on: the position of the event that it failed on, and why."""

    projection: str
    build: int
    stream: str
    position: int
    error: str


class Standing(Struct, frozen=True):
    """How far a build is behind the log."""

    build: Build
    behind: int
    """Events that it has not followed yet."""
    waiting_since: int | None
    """When the first of them was recorded, in microseconds since 1970 UTC."""
    parked: int
    """How many streams it has given up on."""


def standings(connection: Connection) -> list[Standing]:
    """How every build stands, by projection and number, in one snapshot."""
    return [
        Standing(Build(*row[:6]), *row[6:]) for row in connection.execute(SQL["standings"], prepare=True).fetchall()
    ]


def all_builds(connection: Connection) -> list[Build]:
    """Every build, by projection and number."""
    return [Build(*row) for row in connection.execute(SQL["builds"], prepare=True)]


def builds_in_use(connection: Connection, projections: Sequence[Projection]) -> dict[str, Build]:
    """The build that reports of this product read, for each projection that has one.

    That is the active one, or, while that is of another version of the projection, the newest of its own version: so
    products of two versions can serve side by side, before a switch and after it. Raises `Outdated` when there is none.
    """
    found = {}
    every = all_builds(connection)
    for projection in projections:
        active, others = active_and_others(every, projection)
        if active is None:
            continue
        if active.version != projection.version:
            if not others:
                raise Outdated(projection.name, active.version, projection.version)
            active = others[-1]
        found[projection.name] = active
    return found


def active_and_others(every: Sequence[Build], projection: Projection) -> tuple[Build | None, list[Build]]:
    """The active build of the projection, whatever its version, and by number the others that this version can read.

    Those are of this version, and filled.
    """
    mine = [build for build in every if build.projection == projection.name]
    active = next((build for build in mine if build.status == "active"), None)
    return active, [
        build
        for build in mine
        if build.status == "following" and build.fill is None and build.version == projection.version
    ]


def columns(connection: Connection, build: Build) -> dict[str, dict[str, str]]:
    """By table, by column, in order: the type of each column that the build has."""
    return {table: dict(found) for table, found in connection.execute(SQL["columns"], (build.schema,))}


def create(
    connection: Connection, projection: Projection, status: Literal["following", "active"], fill: int | None = None
) -> Build | None:
    """A new, empty build with its tables, in one transaction; None when another process was first.

    One that is to be filled has no indexes yet: they cost less when all rows are there.
    """
    with connection.transaction():
        row = connection.execute(
            SQL["new_build"],
            {"projection": projection.name, "version": projection.version, "status": status, "fill": fill},
        ).fetchone()
        if row is None:
            return None
        build = Build(projection.name, row[0], projection.version, status, 0, fill)
        make_tables(connection, projection, build)
        if fill is None:
            make_indexes(connection, projection, build)
        return build


def make_tables(connection: Connection, projection: Projection, build: Build) -> None:
    """The build has its schema and empty tables, without indexes, at the end of the caller's transaction."""
    connection.execute("SELECT ledger.create_read_model(%s)", (build.schema,))
    _execute_ddl(connection, projection, build, "tables")


def make_indexes(connection: Connection, projection: Projection, build: Build) -> None:
    """The build's tables have their indexes, at the end of the caller's transaction."""
    _execute_ddl(connection, projection, build, "indexes")


def _execute_ddl(connection: Connection, projection: Projection, build: Build, part: str) -> None:
    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(build.schema)))
    connection.execute(queries.load("ledger.projections.sql", projection.ddl)[part])


def analyze(connection: Connection, projection: Projection, build: Build) -> None:
    """The planner knows what the build's tables hold, without waiting until the server looks by itself."""
    for table in projection.tables:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(build.schema, table.name)))


def drop(connection: Connection, build: Build) -> None:
    """The build is gone, with its tables."""
    with connection.transaction():
        connection.execute(SQL["forget_build"], (build.projection, build.build))
        connection.execute("SELECT ledger.drop_read_model(%s)", (build.schema,))


def hold(connection: Connection, build: Build) -> int:
    """The build stays where it is for the rest of the caller's transaction; returns its position."""
    row = connection.execute(SQL["lock_build"], (build.projection, build.build)).fetchone()
    if row is None:
        raise NotFound("build of read model", f"{build.projection}: build {build.build} is gone, or is being filled")
    return int(row[0])


def activate(connection: Connection, build: Build) -> None:
    """Reports read this build, and not the one before, from the end of the caller's transaction on."""
    connection.execute(SQL["deactivate"], (build.projection,))
    if connection.execute(SQL["activate"], (build.projection, build.build)).rowcount != 1:
        raise NotFound("build of read model", f"{build.projection}: build {build.build} is gone")


def parked(connection: Connection) -> list[Parked]:
    """The streams that builds have given up on."""
    return [Parked(*row) for row in connection.execute(SQL["parked"])]


def ensure(database: Database, projections: Sequence[Projection]) -> None:
    """Every projection has an active build; a new one starts at position 0 and follows from there."""
    with database.connection() as connection:
        active = {build.projection for build in all_builds(connection) if build.status == "active"}
        for projection in projections:
            if projection.name not in active:
                create(connection, projection, "active")
