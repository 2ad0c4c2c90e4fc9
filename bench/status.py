"""`report status` at random past pairs of times, beside today's and beside a fold over the log, in one run.

    python -m bench status [--events N]

100,000 events unless told otherwise. Aims, for 1,000,000 over 20,000 tasks and 400 units: p95 under 150 ms, no slower
for an old date than for today's, and at least 100 times faster than the fold.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics

from bench.histories import Generator, load
from bench.support import database, machine, server, show, timed
from ledger.domain.times import instant_of, zone_of
from ledger.projections import all_projections, builds, filling
from ledger.projections.read_models import ReadModels
from ledger.projections.replay import Replay
from ledger.projections.rows import Point, Reading, Scope
from ledger.reports.base import Asked
from ledger.reports.status import StatusReport
from ledger.store.database import Database
from ledger.store.entry import decode_entry
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

ZONE = "Asia/Ho_Chi_Minh"
QUESTIONS = 100


def main(wanted: int) -> None:
    """Print the table."""
    rng = random.Random(57)
    with server() as started, database(started) as conninfo:
        about, ledger = machine(started), Database(conninfo)
        log, recorder = Log(ledger), LedgerRecorder(ledger)
        log.pin_locale(Locale(ZONE, "VN"))
        load(recorder.append, Generator(wanted // 50, 400, wanted).appends())
        projections = all_projections(zone_of(ZONE))
        builds.ensure(ledger, projections)
        filling.fill_empty(ledger, log, projections)
        head = log.head()
        with ledger.connection() as connection:
            connection.execute("SET plan_cache_mode = force_custom_plan")
            active = builds.builds_in_use(connection, all_projections(zone_of(ZONE)))

            def ask(reading: Reading) -> float:
                return timed(lambda: StatusReport().build(reading, Asked(Scope()))) * 1_000

            def past() -> Point:
                position = rng.randrange(head.next_position // 5, head.next_position)
                known = log.records(position - 1, position)[0].recorded_at
                day = instant_of(known).date() - dt.timedelta(days=rng.randrange(90))
                return Point(known, position, day, "VN")

            today = Point(head.recorded_at, head.next_position, instant_of(head.recorded_at).date(), "VN")
            old = sorted(ask(ReadModels(connection, active, past())) for _ in range(QUESTIONS))
            new = sorted(ask(ReadModels(connection, active, today)) for _ in range(QUESTIONS // 4))

        def fold() -> None:
            batches = log.entries_in_batches(0, today.position)
            records = (decode_entry(position, entry) for batch in batches for position, entry in batch)
            StatusReport().build(Replay(records, today, zone_of(ZONE)), Asked(Scope()))

        folded = timed(fold) * 1_000
        ledger.close()
    rows = [
        {"question": "random past (as_of, on)", **_spread(old)},
        {"question": "now", **_spread(new)},
        {"question": "the same by a fold over the log", "p50 ms": folded, "p95 ms": folded},
    ]
    print(f"{head.next_position:,} events; the fold takes {folded / statistics.median(new):,.0f} times as long")
    show("Status report", rows, about)


def _spread(values: list[float]) -> dict[str, float]:
    return {"p50 ms": statistics.median(values), "p95 ms": values[int(len(values) * 0.95)]}
