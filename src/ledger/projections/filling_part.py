"""The parts of a fill: each some streams, folded whole for every build of the fill, and written.

Whoever does parts reads those of a haul at once, because in a log in which all streams are mixed the events of a few
streams lie on as many pages, and those of a thousand streams on hardly more. What was read is only at hand: a part is
done by whoever holds it when its transaction ends. When every haul has somebody who reads it, the parts that are left
are done one by one, from the last, so that nobody has to wait for the slowest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from msgspec import Struct

from ledger.projections.base import Projection
from ledger.projections.builds import SQL as RUNNER
from ledger.projections.builds import Build
from ledger.projections.changes import Pending, Texts
from ledger.projections.streams import StreamState
from ledger.store import queries
from ledger.store.database import Connection
from ledger.store.entry import decode_entry
from ledger.store.log import Log, StreamEntries

SQL = queries.load("ledger.projections.sql", "filling.sql")


class Fill(Struct, frozen=True):
    """Builds that are filled together, with what the log holds before `position`."""

    number: int
    position: int
    builds: tuple[tuple[Projection, Build], ...]


def do_parts(connection: Connection, log: Log, fill: Fill) -> Generator[int]:
    """Do parts that nobody is at until there are none; yields the number of events of each, when it is done.

    To be closed when it is left early: until then nobody else reads the haul that it is at.
    """
    haul = -1
    while (row := connection.execute(SQL["take_haul"], {"fill": fill.number, "after": haul}).fetchone()) is not None:
        (haul,) = row
        try:
            yield from _do_haul(connection, log, fill, haul)
        finally:
            if not connection.closed:
                connection.execute(SQL["leave_haul"], (fill.number, haul))
    while (events := _do_any_part(connection, log, fill)) is not None:
        yield events


def _do_haul(connection: Connection, log: Log, fill: Fill, haul: int) -> Iterator[int]:
    """Do the parts of a haul that nobody else does meanwhile."""
    parts = connection.execute(SQL["parts_of_haul"], (fill.number, haul)).fetchall()
    if not parts:
        return  # somebody has just done the last of it
    (_, first, _, _), (_, _, last, _) = parts[0], parts[-1]
    ahead = log.streams_between(first, last, fill.position)
    for part, _, _, streams in parts:
        # What is not there has no event before the fill's position; what is handed on here is not held any longer.
        entries = {stream: ahead.pop(stream) for stream in streams if stream in ahead}
        with connection.transaction():
            row = connection.execute(SQL["take_part"], (fill.number, part)).fetchone()
            if row is not None:
                _fold_and_write(connection, fill, entries)
        if row is not None:
            yield row[2]


def _do_any_part(connection: Connection, log: Log, fill: Fill) -> int | None:
    with connection.transaction():
        row = connection.execute(SQL["take_any_part"], (fill.number,)).fetchone()
        if row is None:
            return None
        first, last, events = row
        _fold_and_write(connection, fill, log.streams_between(first, last, fill.position))
    return int(events)


def _fold_and_write(connection: Connection, fill: Fill, entries: StreamEntries) -> None:
    """What comes of these streams is in all builds, and they are parked where they failed."""
    # Losing the last parts in a crash loses their marks as well; the end of the fill is durable, and all before it.
    connection.execute("SET LOCAL synchronous_commit = off")
    projections = [projection for projection, _ in fill.builds]
    texts = {projection.name: Texts() for projection in projections}
    given_up = []
    for stream in sorted(entries):
        state = StreamState(stream, projections)
        pending = {projection.name: Pending() for projection in state.projections}
        for position, entry in entries[stream]:
            for name, changes in state.advance(decode_entry(position, entry)):
                pending[name].add(position, changes)
        for name, rows in pending.items():
            texts[name].add(rows)
        given_up += [(stream, name, failure) for name, failure in state.failures.items()]
    numbers = {}
    for projection, build in fill.builds:
        numbers[projection.name] = build.build
        texts[projection.name].write(connection, build.schema)
    for stream, name, failure in given_up:
        connection.execute(RUNNER["park"], (name, numbers[name], stream, failure.position, failure.error))
