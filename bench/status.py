"""`report status` at random past pairs of times, beside today's and beside a fold over the log, in one run.

    python -m bench status [--events N]

100,000 events unless told otherwise. Aims, for 1,000,000 over 20,000 tasks and 400 units: p95 under 150 ms, no slower
for an old date than for today's, and at least 100 times faster than the fold.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
from typing import Any

from bench.apart import peak_memory
from bench.histories import LOCALE, recorded
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
from ledger.store.log import Log

QUESTIONS = 100


def main(wanted: int) -> None:
    """Print the table. To be called by a process of its own, whose memory is shown."""
    rng = random.Random(57)
    with server() as started, database(started) as conninfo:
        about, ledger = machine(started), Database(conninfo)
        log = Log(ledger)
        events = recorded(conninfo, wanted)
        zone = zone_of(LOCALE.time_zone)
        projections = all_projections(zone)
        builds.ensure(ledger, projections)
        filling.fill_empty(ledger, log, projections)
        head = log.head()
        with ledger.connection() as connection:
            connection.execute("SET plan_cache_mode = force_custom_plan")
            active = builds.builds_in_use(connection, projections)

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
            StatusReport().build(Replay(records, today, zone), Asked(Scope()))

        reported = peak_memory()
        folded = timed(fold) * 1_000
        ledger.close()
    rows = [
        _row("random past (as_of, on)", events, old, reported),
        _row("now", events, new, reported),
        _row("the same by a fold over the log", events, [folded], peak_memory()),
    ]
    print(f"the fold takes {folded / statistics.median(new):,.0f} times as long")
    show("Status report", rows, about)


def _row(question: str, events: int, values: list[float], memory: int) -> dict[str, Any]:
    return {
        "question": question,
        "events": events,
        "asked": len(values),
        "p50 ms": statistics.median(values),
        "p95 ms": values[int(len(values) * 0.95)],
        "peak MiB": memory // 1024,
    }
