"""Events per second into read models: filled by streams (a rebuild), and followed by position (the runner).

    python -m bench.rebuild [EVENTS]

A made-up history of 50 events a task, 100,000 events unless told otherwise; fsync on.
"""

from __future__ import annotations

import resource
import sys
from zoneinfo import ZoneInfo

from bench.histories import Generator, load
from bench.support import database, server, show, timed
from ledger.projections import all_projections, builds, filling
from ledger.projections.runner import Runner
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder


def main() -> None:
    """Print the table."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    appends = Generator(wanted // 50, 400, wanted).appends()
    events = len(appends)
    projections = all_projections(ZoneInfo("Asia/Ho_Chi_Minh"))
    rows = []
    with server() as started, database(started) as conninfo:
        ledger = Database(conninfo)
        log, recorder = Log(ledger), LedgerRecorder(ledger)
        rows.append(
            {"work": "bulk append, 1,000 a batch", "events/s": events / timed(lambda: load(recorder.append, appends))}
        )
        appends.clear()
        builds.ensure(ledger, projections)
        runner = Runner(ledger, log, projections)
        followed = timed(runner.catch_up)
        for projection in projections:
            seconds = timed(lambda p=projection: filling.rebuild(ledger, log, [p]))  # type: ignore[misc]  # bound on purpose
            rows.append({"work": f"rebuild {projection.name}", "events/s": events / seconds})
        seconds = timed(lambda: filling.rebuild(ledger, log, projections))
        rows.append({"work": "rebuild all together", "events/s": events / seconds})
        rows.append({"work": "follow, all read models", "events/s": events / followed})
        ledger.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{events:,} events, peak memory of this process {peak:,} MiB")
    show("Read models", rows)


if __name__ == "__main__":
    main()
