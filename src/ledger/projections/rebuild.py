"""Rebuild a read model beside the one in use: fill a new build stream by stream, follow, compare, switch."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from psycopg import sql

from ledger.errors import NotFound, RebuildRefused
from ledger.projections import builds
from ledger.projections.base import Projection, Table
from ledger.projections.builds import SQL, Build
from ledger.projections.changes import Pending
from ledger.projections.streams import StreamState
from ledger.store.database import Connection, Database
from ledger.store.log import Log

STREAMS = 500
"""Streams folded in one transaction."""

Progress = Callable[[int, int], None]
"""Called with (streams done, streams in all)."""


class Difference(Struct, frozen=True):
    """How two builds of a table differ, in what is known now."""

    table: str
    only_in_old: int
    only_in_new: int
    examples: tuple[str, ...]


def fill(database: Database, log: Log, projection: Projection, progress: Progress | None = None) -> Build:
    """A new build of the projection holds all that follows from the log up to where it was when the rebuild began.

    A rebuild that was interrupted is taken up where it stopped. Each transaction folds some streams whole, so memory
    holds only those. Raises `RebuildRefused` when two processes fill the same projection at once.
    """
    with database.connection() as connection:
        # The turn comes first: whoever reads how far the build is before that may do another's work once more.
        if not _take_turn(connection, projection):
            raise RebuildRefused(f"{projection.name} is being rebuilt by another process: wait for it, or stop it")
        try:
            return _fill(connection, log, projection, _begin(connection, log, projection), progress)
        finally:
            connection.execute(SQL["end_turn"], (projection.name,))


def _begin(connection: Connection, log: Log, projection: Projection) -> Build:
    for build in builds.all_builds(connection):
        if build.projection == projection.name and build.status == "filling":
            if build.version == projection.version:
                return build
            builds.drop(connection, build)
    build_or_none = builds.create(connection, projection, "filling", log.head().next_position)
    if build_or_none is None:
        raise RebuildRefused(f"another process has just begun to rebuild {projection.name}: wait for it")
    return build_or_none


def _take_turn(connection: Connection, projection: Projection) -> bool:
    row = connection.execute(SQL["take_turn"], (projection.name,)).fetchone()
    return row is not None and bool(row[0])


def _fill(connection: Connection, log: Log, projection: Projection, build: Build, progress: Progress | None) -> Build:
    kind, after = f"{projection.stream_kind}/%", build.fill_after or ""
    left = _count(connection, kind, after)
    total, done = _count(connection, kind, ""), 0
    done = total - left
    while True:
        if progress is not None:
            progress(done, total)
        streams = [row[0] for row in connection.execute(SQL["streams"], (after, kind, STREAMS))]
        if not streams:
            break
        pending, states = Pending(), {}
        for stream, records in log.stream_records(dict.fromkeys(streams, 0), build.position).items():
            state = states[stream] = StreamState(stream, (projection,))
            for record in records:
                for _, changes in state.advance(record):
                    pending.add(record.position, changes)
        after, done = streams[-1], done + len(streams)
        with connection.transaction():
            pending.write(connection, build.schema)
            for stream, state in states.items():
                for failure in state.failures.values():
                    connection.execute(
                        SQL["park"], (build.projection, build.build, stream, failure.position, failure.error)
                    )
            connection.execute(SQL["filled"], (after, build.projection, build.build))
    builds.analyze(connection, projection, build)
    connection.execute(SQL["fill_done"], (build.projection, build.build))
    return Build(build.projection, build.build, build.version, "following", build.position, None)


def _count(connection: Connection, kind: str, after: str) -> int:
    row = connection.execute(SQL["count_streams"], (kind, after)).fetchone()
    return int(row[0]) if row else 0


def newest(connection: Connection, projection: str) -> tuple[Build | None, Build | None]:
    """(the build that is read, the newest that only follows): the two that diff and switch are about."""
    mine = [build for build in builds.all_builds(connection) if build.projection == projection]
    active = next((build for build in mine if build.status == "active"), None)
    following = [build for build in mine if build.status == "following"]
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
