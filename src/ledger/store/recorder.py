"""The library's application recorder on our log: one function, one statement, one round trip an append."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Notification, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder

from ledger.store import queries
from ledger.store.append import Answer, Append
from ledger.store.appending import append_on
from ledger.store.database import Database
from ledger.store.entry import event_bytes

CHANNEL = "ledger"
"""The NOTIFY channel that wakes those who follow the log."""
_SQL = queries.load("ledger.store.sql", "log.sql")
_MAX_VERSION = 2**31 - 1
_MAX_POSITION = 2**63 - 1


class LedgerRecorder(PostgresApplicationRecorder):
    """Stored events are the log's events: `state` is the event's canonical bytes, `notification_id` is position + 1."""

    datastore: Database

    def __init__(self, database: Database) -> None:
        super().__init__(database, events_table_name="log")
        self.channel_name = CHANNEL

    def create_table(self) -> None:
        """Nothing: the tables are made by the migrations, which the application's role could not do."""

    def append(self, appends: Sequence[Append], *, all_or_nothing: bool = False) -> list[Answer]:
        """Each append is recorded or answered with why not, in order; one that is not recorded harms no other.

        With `all_or_nothing`, raises the library's `IntegrityError` for the first that is not recorded, and none is.
        Raises `DatabaseUnavailable` when the outcome is unknown: retry by the idempotency keys.
        """
        with self.datastore.connection() as connection:
            return append_on(connection, appends, all_or_nothing=all_or_nothing)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """All the events are recorded, or none; returns their notification ids.

        Raises `IntegrityError` when a stream is not at the version before its first event, or versions are not
        contiguous.
        """
        appends = [_append_of(list(group)) for _, group in itertools.groupby(stored_events, lambda e: e.originator_id)]
        if not appends:
            return []
        answers = self.append(appends, all_or_nothing=True)
        return [
            answer.position + 1 + k
            for append, answer in zip(appends, answers, strict=True)
            if answer.position is not None
            for k in range(len(append.events))
        ]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream with versions in (gt, lte], in order of version."""
        statement = _SQL["stream_events_desc" if desc else "stream_events"]
        after = -1 if gt is None else gt
        upto = _MAX_VERSION if lte is None else lte
        with self.datastore.connection() as connection:
            rows = connection.execute(statement, (str(originator_id), after, upto, limit), prepare=True)
            return [
                StoredEvent(originator_id, version, type_name, event_bytes(entry, recorded_at))
                for version, type_name, recorded_at, entry in rows
            ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events of the whole log with notification ids from `start` to `stop`, in order, of those types."""
        first = 0 if start is None else start - 1 + (not inclusive_of_start)
        last = _MAX_POSITION if stop is None else stop - 1
        types = list(topics) or None
        with self.datastore.connection() as connection:
            rows = connection.execute(_SQL["notifications"], (first, last, types, types, limit), prepare=True)
            return [
                Notification(stream, version, type_name, event_bytes(entry, recorded_at), id=position + 1)
                for position, stream, version, type_name, recorded_at, entry in rows
            ]

    def max_notification_id(self) -> int | None:
        """The notification id of the last event, or None when the log is empty."""
        with self.datastore.connection() as connection:
            row = connection.execute(_SQL["head"], prepare=True).fetchone()
        return row[0] or None if row else None


def _append_of(events: list[StoredEvent]) -> Append:
    first = events[0].originator_version
    if [event.originator_version for event in events] != list(range(first, first + len(events))):
        raise IntegrityError(f"the versions of {events[0].originator_id} are not contiguous")
    return Append(str(events[0].originator_id), first - 1, tuple((event.topic, event.state) for event in events))
