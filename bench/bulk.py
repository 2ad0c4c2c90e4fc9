"""Many events at a time: batches through the append function, command lines through the importer, and bare COPY."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg

from bench.appends import STATE, TYPE
from bench.cases import Done, case
from bench.peers import ROWS
from bench.support import database, empty_database, timed
from ledger.services.ledger import Ledger
from ledger.settings import Settings
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.recorder import LedgerRecorder

BATCH = 1_000
TASKS = 20_000


def appends(count: int, after: int = 0) -> Iterator[Append]:
    """So many appends of an event each, in turn to 20,000 tasks, as if `after` of them had been made before."""
    for n in range(after, after + count):
        yield Append(f"task/T{n % TASKS:05d}", n // TASKS, ((TYPE, STATE),))


def load(recorder: LedgerRecorder, events: Iterator[Append]) -> None:
    """All of them are recorded, in batches."""
    while batch := list(islice(events, BATCH)):
        assert {answer.status for answer in recorder.append(batch)} == {"recorded"}


@case("bulk", "ledger, batches of 1,000 events")
def in_batches(conninfo: str, events: int) -> Done:
    """One writer."""
    with database(conninfo) as made:
        ledger = Database(made)
        recorder = LedgerRecorder(ledger)
        load(recorder, appends(BATCH))
        seconds = timed(lambda: load(recorder, appends(events, BATCH)))
        ledger.close()
    return Done(events, seconds)


@case("bulk", "ledger, command lines of a file, decided", share=0.2)
def from_a_file(conninfo: str, events: int) -> Done:
    """Reports of progress on 1,000 tasks, each line with a key of its own: `ledger import commands`."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder, database(conninfo) as made:
        file = Path(folder) / "commands.ndjson"
        write_lines(file, events)
        with Ledger(Settings(database_url=made, data_dir=Path(folder))) as ledger:
            begin(ledger)
            summary = []
            seconds = timed(lambda: summary.append(ledger.importer.commands(file, lambda *_: None, lambda *_: None)))
    assert summary[0].recorded == events, summary
    return Done(events, seconds)


def begin(ledger: Ledger, tasks: int = 1_000) -> None:
    """A unit, and so many tasks that it leads."""
    with tempfile.NamedTemporaryFile("wb", suffix=".ndjson") as file:
        lines = [{"command": "register_unit", "unit": "U1", "acting_unit": "U1", "data": {"name": "Unit"}}]
        for n in range(tasks):
            data = {"title": f"Task {n}", "lead": "U1", "deadline": {"date": "2030-01-01", "kind": "by"}}
            lines.append({"command": "assign_task", "task": f"T{n:05d}", "acting_unit": "U1", "data": data})
        file.write(b"\n".join(json.dumps(line).encode() for line in lines))
        file.flush()
        summary = ledger.importer.commands(Path(file.name), lambda *_: None, lambda *_: None)
    assert summary.recorded == tasks + 1, summary


def report(task: int, number: int) -> bytes:
    """A command line about that task of `begin`."""
    data = {"percent": number % 10_000 / 100, "narrative": "Work goes on as planned; two districts were checked. " * 3}
    line = {"command": "report_progress", "task": f"T{task:05d}", "acting_unit": "U1", "data": data}
    return json.dumps(line | {"idempotency_key": f"bench-{number}"}).encode()


def write_lines(file: Path, count: int) -> None:
    """So many reports, in turn on the tasks of `begin`."""
    with file.open("wb") as out:
        for n in range(count):
            out.write(report(n % 1_000, n) + b"\n")


@case("bulk", "COPY of the same rows")
def copied(conninfo: str, events: int) -> Done:
    """Into a table with one key, in one transaction."""

    def copy() -> None:
        statement = "COPY event (stream, version, type, entry) FROM STDIN (FORMAT BINARY)"
        with psycopg.connect(made) as connection, connection.cursor() as cursor, cursor.copy(statement) as rows:
            rows.set_types(["text", "int4", "text", "bytea"])
            for append in appends(events):
                rows.write_row((append.stream, append.expected + 1, *append.events[0]))

    with empty_database(conninfo) as made:
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(ROWS)
        seconds = timed(copy)
    return Done(events, seconds)
