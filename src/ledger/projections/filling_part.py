"""One part of a fill: some streams, folded whole for every build of the fill, and written."""

from __future__ import annotations

from msgspec import Struct

from ledger.projections.base import Projection
from ledger.projections.builds import SQL as RUNNER
from ledger.projections.builds import Build
from ledger.projections.changes import Pending
from ledger.projections.streams import StreamState
from ledger.store import queries
from ledger.store.database import Connection
from ledger.store.log import Log

SQL = queries.load("ledger.projections.sql", "filling.sql")


class Fill(Struct, frozen=True):
    """Builds that are filled together, with what the log holds before `position`."""

    number: int
    position: int
    builds: tuple[tuple[Projection, Build], ...]


def do_part(connection: Connection, log: Log, fill: Fill) -> int | None:
    """The next part that nobody is at is done; returns its number of events, or None when there is no such part."""
    projections = [projection for projection, _ in fill.builds]
    with connection.transaction():
        # Losing the last parts in a crash loses their marks as well; the end of the fill is durable, and all before it.
        connection.execute("SET LOCAL synchronous_commit = off")
        row = connection.execute(SQL["take_part"], (fill.number,)).fetchone()
        if row is None:
            return None
        first, last, events = row
        pending = {projection.name: Pending() for projection in projections}
        given_up = []
        for stream, records in log.streams_between(first, last, fill.position):
            state = StreamState(stream, projections)
            for record in records:
                for name, changes in state.advance(record):
                    pending[name].add(record.position, changes)
            given_up += [(stream, name, failure) for name, failure in state.failures.items()]
        numbers = {}
        for projection, build in fill.builds:
            numbers[projection.name] = build.build
            pending[projection.name].write(connection, build.schema)
        for stream, name, failure in given_up:
            connection.execute(RUNNER["park"], (name, numbers[name], stream, failure.position, failure.error))
    return int(events)
