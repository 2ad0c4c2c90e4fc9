"""Streams that a build has given up on, tried again when the cause is mended."""

from __future__ import annotations

from psycopg import sql

from ledger.projections.base import Projection
from ledger.projections.builds import SQL, Build, Parked
from ledger.projections.changes import Pending
from ledger.projections.streams import StreamState
from ledger.store.database import Connection
from ledger.store.log import Log


def retry(connection: Connection, log: Log, projection: Projection, build: Build, stream: str) -> Parked | None:
    """The stream's rows in the build are worked out anew, in one transaction, and it is parked no more.

    Where the projection fails again, the rows are those up to there, and the stream stays parked: returns how.
    """
    with connection.transaction():
        row = connection.execute(SQL["lock_build"], (build.projection, build.build)).fetchone()
        if row is None or stream not in row[1]:
            return None  # another was faster
        state, pending = StreamState(stream, (projection,)), Pending()
        for record in log.stream_records({stream: 0}, row[0])[stream]:
            for _, changes in state.advance(record):
                pending.add(record.position, changes)
        for table in projection.tables:
            statement = sql.SQL("DELETE FROM {} WHERE {} = %s").format(
                sql.Identifier(build.schema, table.name), sql.Identifier(table.key[0])
            )
            connection.execute(statement, (state.code,))
        pending.write(connection, build.schema)
        failure = state.failures.get(projection.name)
        if failure is None:
            connection.execute(SQL["unpark"], (build.projection, build.build, stream))
            return None
        connection.execute(SQL["park"], (build.projection, build.build, stream, failure.position, failure.error))
        return Parked(build.projection, build.build, stream, failure.position, failure.error)
