"""What an event costs when the log holds 10^4, 10^5, 10^6 … of them: to append it, and to rebuild a read model from it.

python -m bench growth [--events N]
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import islice
from typing import Any

from bench.apart import apart, peak_memory
from bench.appends import by_tasks, by_threads
from bench.bulk import BATCH, TASKS, appends
from bench.histories import EVENTS_A_TASK, LOCALE, load, portfolio
from bench.rebuild import rebuilt
from bench.support import database, machine, server, settle, show, timed
from ledger.projections.timeline import Timeline
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

ROUNDS = 5
SINGLES, CONCURRENT, BULK = 500, 4_000, 20_000
COHORT = 200
"""The tasks that are recorded together: a history that grows by the year, and not by every task at once."""
ONCE_FROM = 1_000_000
"""From so many events on, a rebuild is done once, and not as many times as there are rounds."""


def main(wanted: int) -> None:
    """Print the tables: a row for each power of ten up to so many events, medians of rounds.

    To be called by a process of its own, whose memory is shown.
    """
    with server() as started:
        about = machine(started)
        with database(started) as conninfo:
            _show("growth", f"appends to {TASKS:,} tasks", [*_appending(conninfo, wanted)], about)
        with database(started) as conninfo:
            what = f"tasks of {EVENTS_A_TASK} events, {COHORT} at a time"
            _show("growth-rebuild", what, [*_rebuilding(conninfo, wanted)], about)


def _appending(conninfo: str, wanted: int) -> Iterator[dict[str, Any]]:
    ledger = Database(conninfo)
    recorder = LedgerRecorder(ledger)
    stream = appends(2 * wanted + 10 * BULK * ROUNDS)
    held = 0
    for size in _powers(wanted):
        while held < size:
            batch = list(islice(stream, min(BATCH, size - held)))
            assert {answer.status for answer in recorder.append(batch)} == {"recorded"}
            held += len(batch)
        bulk, one, many = [], [], []
        for _ in range(ROUNDS):
            batches = [list(islice(stream, BATCH)) for _ in range(BULK // BATCH)]
            bulk.append(timed(lambda: [recorder.append(each) for each in batches]) / BULK)  # noqa: B023  # at once
            one.append(by_threads(1, SINGLES, ledger) / SINGLES)
            many.append(by_tasks(16, CONCURRENT, ledger) / CONCURRENT)
            held += BULK + SINGLES + CONCURRENT
        costs = {"bulk": bulk, "1 writer": one, "16 writers": many}
        row = {"events": size} | {f"{name}, µs": 1e6 * statistics.median(each) for name, each in costs.items()}
        yield row | {"peak MiB": peak_memory() // 1024}
    ledger.close()


def _rebuilding(conninfo: str, wanted: int) -> Iterator[dict[str, Any]]:
    """The timeline of every task, by one worker a core; made of real events, some whole tasks at a time."""
    ledger = Database(conninfo)
    log, recorder = Log(ledger), LedgerRecorder(ledger)
    log.pin_locale(LOCALE)
    cohorts = portfolio(wanted).in_cohorts(COHORT)
    held = 0
    for size in _powers(wanted):
        while held < 0.9 * size:  # a task that ends early has fewer events
            cohort = next(cohorts, [])
            if not cohort:
                break
            load(recorder.append, cohort)
            held += len(cohort)
        settle(conninfo)
        rounds = ROUNDS if size < ONCE_FROM else 1
        found = [apart(rebuilt, conninfo, [Timeline.name]) for _ in range(rounds)]
        seconds = statistics.median(each.seconds for each in found)
        yield {
            "events": held,
            "rebuild, µs": 1e6 * seconds / held,
            "seconds": seconds,
            "median of": rounds,
            "peak MiB": max(each.memory for each in found) // 1024,
        }
    ledger.close()


def _powers(wanted: int) -> list[int]:
    return [10**power for power in range(4, 20) if 10**power <= wanted]


def _show(title: str, what: str, rows: list[dict[str, Any]], about: dict[str, str]) -> None:
    grown = [f"{name} {rows[-1][name] / rows[0][name]:.2f}" for name in rows[0] if name.endswith("µs")]
    print(f"\n{what}; cost of an event by how many the log holds, last ÷ first: {', '.join(grown)}")
    show(title, rows, about)
