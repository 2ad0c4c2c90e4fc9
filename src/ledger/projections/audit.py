"""Whether a read model is what the log gives: folded anew into temporary tables, and compared row by row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from msgspec import Struct
from psycopg import sql

from ledger.projections.base import Projection, Table
from ledger.projections.builds import Build, builds_in_use, parked
from ledger.projections.changes import Pending
from ledger.projections.streams import StreamState
from ledger.store.database import Connection, Database
from ledger.store.log import Log

STREAMS = 500
"""Streams folded at a time."""

Progress = Callable[[int, int], None]
"""Called with (streams done, streams in all)."""


class Discrepancy(Struct, frozen=True):
    """The first row, by the position from which it is known, that a read model has too much or lacks."""

    projection: str
    table: str
    rows: int
    """How many rows differ."""
    position: int
    what: str


def audit(database: Database, log: Log, projection: Projection, progress: Progress) -> list[Discrepancy]:
    """How the build that reports read differs from a fold over the log up to where that build stands.

    Every row counts, and every column, also of what was known once. Nothing is written but temporary tables, and the
    read model may go on meanwhile. Raises `Outdated` for a build of another version of the projection.
    """
    with database.connection() as connection, connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        build = builds_in_use(connection, [projection]).get(projection.name)
        if build is None:
            return []
        for table in projection.tables:
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(
                    sql.Identifier(table.name), sql.Identifier(build.schema, table.name)
                )
            )
        failed = _fold(connection, log, projection, build, progress)
        found = [each for table in projection.tables if (each := _compare(connection, projection, build, table))]
        given_up = {each.stream: each.position for each in parked(connection) if each.build == build.build
                    and each.projection == projection.name}  # fmt: skip
        if given_up != failed:
            stream, position = min(given_up.items() ^ failed.items(), key=lambda item: item[1])
            what = f"{stream} is parked, and need not be" if stream in given_up else f"{stream} should be parked"
            found.append(Discrepancy(projection.name, "parked", 1, position, what))
        return found


def _fold(connection: Connection, log: Log, projection: Projection, build: Build, progress: Progress) -> dict[str, int]:
    """The temporary tables hold all that follows from the log; returns where streams failed, by stream."""
    kind = f"{projection.stream_kind}/"
    streams = iter(sorted(stream for stream in _streams(connection) if stream.startswith(kind)))
    names = list(streams)
    waiting, done = iter(names), 0
    failed: dict[str, int] = {}
    while some := list(islice(waiting, STREAMS)):
        progress(done, len(names))
        pending = Pending()
        for stream, records in log.stream_records(dict.fromkeys(some, 0), build.position).items():
            state = StreamState(stream, (projection,))
            for record in records:
                for _, changes in state.advance(record):
                    pending.add(record.position, changes)
            failed.update((stream, failure.position) for failure in state.failures.values())
        pending.write(connection, "pg_temp")
        done += len(some)
    progress(done, len(names))
    return failed


def _streams(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT DISTINCT stream FROM ledger.log")]


def _compare(connection: Connection, projection: Projection, build: Build, table: Table) -> Discrepancy | None:
    columns = sql.SQL(", ").join(map(sql.Identifier, (*table.columns, "known_from", "known_to")))
    statement = sql.SQL(
        "SELECT count(*) OVER (), d.known_from, side, (d.*)::text FROM ("
        "SELECT 'too much' AS side, o.* FROM (SELECT {c} FROM {old} EXCEPT ALL SELECT {c} FROM {new}) AS o UNION ALL "
        "SELECT 'missing' AS side, n.* FROM (SELECT {c} FROM {new} EXCEPT ALL SELECT {c} FROM {old}) AS n"
        ") AS d ORDER BY d.known_from LIMIT 1"
    ).format(c=columns, old=sql.Identifier(build.schema, table.name), new=sql.Identifier("pg_temp", table.name))
    row = connection.execute(statement).fetchone()
    if row is None:
        return None
    rows, position, side, text = row
    return Discrepancy(projection.name, table.name, rows, position, f"a row is {side}: {text}")
