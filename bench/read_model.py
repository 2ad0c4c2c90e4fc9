"""One plain read model, the timeline of every task, filled by our rebuild and by the library's runner."""

from __future__ import annotations

from importlib import resources
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bench.apart import Spent, apart, spent
from bench.cases import Done, case
from bench.histories import portfolio, recorded
from bench.peers import datastore_of
from bench.rebuild import rebuilt
from bench.support import database, empty_database, settle
from ledger.domain.events import Event, Record
from ledger.projections.base import Step, Values
from ledger.projections.timeline import TIMELINE, Timeline
from ledger.store.append import Append
from ledger.store.mapper import EntryMapper


@case("rebuild", "ledger, rebuild of timeline")
def ours(conninfo: str, events: int) -> Done:
    """Part by part, by as many processes as there are cores, written with COPY."""
    with database(conninfo) as made:
        count = recorded(made, events)
        settle(made)
        found = apart(rebuilt, made, [Timeline.name])
    return Done(count, found.seconds, found.memory)


class Rows(PostgresTrackingRecorder):
    """The same table, and the library's tracking beside it."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        columns = (*TIMELINE.columns, "known_from")
        self._insert = sql.SQL("INSERT INTO timeline ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
        )
        self._close = sql.SQL("UPDATE timeline SET known_to = %s WHERE task = %s AND version = %s AND known_to IS NULL")

    def apply(self, position: int, closed: list[Values], opened: list[Values], tracking: Tracking) -> None:
        """The rows and the tracking of one event, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            for key in closed:
                cursor.execute(self._close, (position, *key))
            for row in opened:
                cursor.execute(self._insert, (*row, position))
            self._insert_tracking(cursor, tracking)


class TheirTimeline(LibraryProjection[Rows]):
    """Our projection's function, as the library calls it."""

    name = "timeline"

    def __init__(self, view: Rows) -> None:
        super().__init__(view)
        self._timeline = Timeline()
        self._states: dict[str, Any] = {}
        self._records: dict[str, list[Record]] = {}

    def process_event(self, domain_event: Event, tracking: Tracking) -> None:
        """One event, one transaction."""
        position = tracking.notification_id - 1
        if domain_event.stream.startswith("task/"):
            state = self._states.get(domain_event.stream, self._timeline.initial())
            records = self._records.setdefault(domain_event.stream, [])
            records.append(Record(position, position, domain_event))
            step = Step(records[-1], records, None, None)
            self._states[domain_event.stream], changes = self._timeline.apply(state, step)
            closed, opened = [key for _, key in changes.closed], [row for _, row in changes.opened]
        else:
            closed, opened = [], []
        self.view.apply(position, closed, opened, tracking)


class TheirApplication(Application[str]):
    """Reads our events."""

    name = "bench"

    def construct_mapper(self) -> Mapper[str]:
        """By our names of types."""
        return EntryMapper()


@case("rebuild", "library's ProjectionRunner", share=0.05)
def theirs(conninfo: str, events: int) -> Done:
    """From the library's recorder, into the same table."""
    with empty_database(conninfo) as made:
        count = apart(_record, made, events)
        settle(made)
        found = apart(_run, made, count)
    return Done(count, found.seconds, found.memory)


def _record(conninfo: str, events: int) -> int:
    """The library's recorder has the history, and the read model is empty; returns how many events there are."""
    appends = portfolio(events).appends()
    datastore = datastore_of(conninfo)
    datastore.originator_id_type = "text"
    recorder = PostgresApplicationRecorder(datastore, events_table_name="bench_events")
    recorder.create_table()
    for start in range(0, len(appends), 1_000):
        recorder.insert_events([_stored(append) for append in appends[start : start + 1_000]])
    with datastore.transaction(commit=True) as cursor:
        cursor.execute(resources.files("ledger.projections.sql").joinpath(Timeline.ddl).read_bytes())
    datastore.close()
    return len(appends)


def _run(conninfo: str, events: int) -> Spent:
    """The library's runner has read so many events."""
    given = conninfo_to_dict(conninfo)
    env = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(given["dbname"]),
        "POSTGRES_HOST": str(given["host"]),
        "POSTGRES_PORT": str(given["port"]),
        "POSTGRES_USER": str(given["user"]),
        "POSTGRES_PASSWORD": "",
        "POSTGRES_ORIGINATOR_ID_TYPE": "text",
    }

    def run() -> None:
        with ProjectionRunner(
            application_class=TheirApplication, projection_class=TheirTimeline, view_class=Rows, env=env
        ) as runner:
            runner.wait(events, timeout=600)

    return spent(run)


def _stored(append: Append) -> StoredEvent:
    ((type_name, encoded),) = append.events
    return StoredEvent(append.stream, append.expected + 1, type_name, encoded)
