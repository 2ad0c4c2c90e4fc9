"""Reading the log: by position, by stream, by time. What is read here was committed, in order, without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import psycopg

from ledger.domain.events import HistoryImported, Record, TextsErased
from ledger.domain.values import Document
from ledger.errors import LedgerError
from ledger.store import queries
from ledger.store.append import Head
from ledger.store.database import Database
from ledger.store.entry import decode_entry
from ledger.store.entry_texts import Withheld
from ledger.store.locale import Locale
from ledger.store.texts import TextRow, openings_json

_SQL = queries.load("ledger.store.sql", "log.sql")
_RESTORE_REFUSED = ("LG003", "LG004", "LG005")
_FETCHED = 5_000
"""Rows of a long answer that are taken at once."""

StreamEntries = dict[str, list[tuple[int, bytes]]]
"""By stream: (position, entry), in order."""


class Log:
    """Read access to one ledger's log. Raises `DatabaseUnavailable` when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def head(self) -> Head:
        """Where the log ends now."""
        with self.database.connection() as connection:
            row = connection.execute(_SQL["head"], prepare=True).fetchone()
        if row is None:
            raise AssertionError("the head of the log is always there")
        return Head(*row)

    def locale(self) -> Locale | None:
        """The locale that the ledger was begun with, or None before its first event."""
        with self.database.connection() as connection:
            row = connection.execute(_SQL["locale"]).fetchone()
        return Locale(*row) if row else None

    def pin_locale(self, wanted: Locale) -> Locale:
        """The locale that holds: `wanted` while the log is empty, and from then on the one it was begun with."""
        with self.database.connection() as connection:
            row = connection.execute(_SQL["pin_locale"], (wanted.time_zone, wanted.calendar)).fetchone()
        if row is None:
            raise AssertionError("the head of the log is always there")
        return Locale(*row)

    def position_at(self, recorded_at: int) -> int:
        """How many records were known at that time (microseconds since 1970 UTC): one indexed look-up."""
        with self.database.connection() as connection:
            row = connection.execute(_SQL["position_at"], (recorded_at,), prepare=True).fetchone()
        return int(row[0]) if row else 0

    def entries(self, start: int, stop: int, limit: int | None = None) -> list[tuple[int, bytes]]:
        """(position, entry) for start <= position < stop, in order, at most `limit` of them."""
        with self.database.connection() as connection:
            return connection.execute(_SQL["entries"], (start, stop, limit), prepare=True, binary=True).fetchall()

    def leaves(self, positions: Sequence[int]) -> dict[int, bytes]:
        """By position: the leaf hashes of the entries that are there."""
        with self.database.connection() as connection:
            return dict(connection.execute(_SQL["leaves"], (list(positions),), prepare=True, binary=True).fetchall())

    def entries_in_batches(self, start: int, stop: int, size: int = 5_000) -> Iterator[list[tuple[int, bytes]]]:
        """The same in batches, so that memory stays bounded however long the log is."""
        while start < stop:
            batch = self.entries(start, stop, size)
            if not batch:
                return
            yield batch
            start = batch[-1][0] + 1

    def records(
        self, start: int, stop: int, limit: int | None = None, types: Sequence[str] | None = None
    ) -> list[Record]:
        """The records for start <= position < stop, in order, of those types (all by default)."""
        if types is None:
            rows = self.entries(start, stop, limit)
        else:
            with self.database.connection() as connection:
                rows = connection.execute(
                    _SQL["entries_of_types"], (start, stop, list(types), limit), prepare=True, binary=True
                ).fetchall()
        return [decode_entry(position, entry) for position, entry in rows]

    def stream_records(self, after: Mapping[str, int], stop: int) -> dict[str, list[Record]]:
        """The records before position `stop` of several streams, each after the version given for it."""
        found: dict[str, list[Record]] = {stream: [] for stream in after}
        if not after:
            return found
        with self.database.connection() as connection:
            rows = connection.execute(
                _SQL["stream_entries"], (list(after), list(after.values()), stop), prepare=True, binary=True
            ).fetchall()
        for stream, position, entry in rows:
            found[stream].append(decode_entry(position, entry))
        return found

    def streams_between(self, first: str, last: str, stop: int) -> StreamEntries:
        """By stream: the entries before position `stop` of the streams from `first` to `last`, in any order of streams.

        One query, of whose answer only a piece is in memory beside what is returned.
        """
        found: StreamEntries = {}
        with self.database.connection() as connection, connection.transaction():
            connection.execute("SET LOCAL cursor_tuple_fraction = 1")  # the plan is to be good for all rows
            with connection.cursor("streams") as cursor:
                cursor.execute(_SQL["stream_range"], (first, last, stop), binary=True)
                while rows := cursor.fetchmany(_FETCHED):
                    for stream, position, entry in rows:
                        found.setdefault(stream, []).append((position, entry))
        for entries in found.values():
            entries.sort()
        return found

    def stream_versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The versions at which streams stand; a stream without events is left out."""
        with self.database.connection() as connection:
            return dict(connection.execute(_SQL["stream_versions"], (list(streams),), prepare=True).fetchall())

    def directory_records(self, start: int) -> list[Record]:
        """The records of units and plans from position `start` on, in order."""
        with self.database.connection() as connection:
            rows = connection.execute(_SQL["directory_entries"], (start,), prepare=True, binary=True).fetchall()
        return [decode_entry(position, entry) for position, entry in rows]

    def is_restoring(self) -> bool:
        """Whether all that the log holds is a restore that may not be complete."""
        with self.database.connection() as connection:
            row = connection.execute(_SQL["is_restoring"]).fetchone()
        return row is not None and bool(row[0])

    def restore(
        self,
        entries: Sequence[tuple[Record, bytes]],
        live_from: int | None,
        texts: Sequence[TextRow],
        withheld: Withheld | None,
        misplaced: Callable[[int, str], LedgerError],
    ) -> None:
        """The entries stand at the end of the log as they are, with their texts; all of them or none.

        `texts` has a row for each entry with references. Raises `misplaced(position, reason)` for entries that do not
        follow what the log holds.
        """
        events = [record.event for record, _ in entries]
        erased = [
            (UUID(each.event), field)
            for event in events
            if isinstance(event.data, TextsErased)
            for each in event.data.texts
            for field in each.fields
        ]
        try:
            with self.database.connection() as connection:
                connection.execute(
                    _SQL["restore"],
                    (
                        entries[0][0].position,
                        [record.recorded_at for record, _ in entries],
                        [event.stream for event in events],
                        [event.version for event in events],
                        [event.type for event in events],
                        [entry for _, entry in entries],
                        live_from,
                        [row.event for row in texts],
                        [row.position for row in texts],
                        [openings_json(row.openings).decode() for row in texts],
                        [event for event, _ in erased],
                        [field for _, field in erased],
                        withheld.above if withheld else None,
                        withheld.before if withheld else None,
                    ),
                )
        except psycopg.DatabaseError as error:
            if error.sqlstate not in _RESTORE_REFUSED:
                raise
            raise misplaced(entries[0][0].position, error.diag.message_primary or "") from error

    def imports(self, stop: int) -> list[Document]:
        """The files that the log before position `stop` rests on."""
        with self.database.connection() as connection:
            rows = connection.execute(_SQL["history_entries"], (stop,), prepare=True, binary=True).fetchall()
        found = [decode_entry(position, entry).event.data for position, entry in rows]
        return [data.file for data in found if isinstance(data, HistoryImported)]
