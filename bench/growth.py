"""What an append costs when the log holds 10^4, 10^5, 10^6 … events over 20,000 tasks."""

from __future__ import annotations

import statistics
from itertools import islice

from bench.appends import by_writers
from bench.bulk import BATCH, TASKS, appends
from bench.cases import peak_memory
from bench.support import database, machine, server, show, timed
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit
from ledger.store.recorder import LedgerRecorder

ROUNDS = 5
SINGLES, CONCURRENT, BULK = 500, 4_000, 20_000


def main(wanted: int) -> None:
    """Print the table: a row for each power of ten up to so many events, medians of rounds."""
    rows = []
    with server() as started, database(started) as conninfo:
        about = machine(started)
        ledger = Database(conninfo)
        recorder, committer = LedgerRecorder(ledger), GroupCommit(ledger)
        stream = appends(2 * wanted + 10 * BULK * ROUNDS)
        held, size = 0, 10_000
        while size <= wanted:
            while held < size:
                batch = list(islice(stream, min(BATCH, size - held)))
                assert {answer.status for answer in recorder.append(batch)} == {"recorded"}
                held += len(batch)
            bulk, one, many = [], [], []
            for _ in range(ROUNDS):
                batches = [list(islice(stream, BATCH)) for _ in range(BULK // BATCH)]
                bulk.append(timed(lambda: [recorder.append(each) for each in batches]) / BULK)  # noqa: B023  # at once
                one.append(by_writers(1, SINGLES, committer) / SINGLES)
                many.append(by_writers(16, CONCURRENT, committer) / CONCURRENT)
                held += BULK + SINGLES + CONCURRENT
            costs = {"bulk": bulk, "1 writer": one, "16 writers": many}
            row = {"events": size} | {f"{name}, µs": 1e6 * statistics.median(each) for name, each in costs.items()}
            rows.append(row | {"peak MiB": peak_memory() // 1024})
            size *= 10
        committer.close()
        ledger.close()
    print(
        f"\n{TASKS:,} tasks; cost of an event by how many the log holds, last ÷ first: "
        + ", ".join(f"{name} {rows[-1][name] / rows[0][name]:.2f}" for name in rows[0] if name.endswith("µs"))
    )
    show("growth", rows, about)
