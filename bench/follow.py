"""From acknowledgement to visible: how long after an append was answered the read models show it.

    python -m bench follow

500 events a second for 20 seconds, each an append of its own, by a process of its own, at an even pace; a follower as
`ledger serve` has one; fsync on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Sequence

from bench.histories import Generator, load
from bench.support import database, server, show
from ledger.domain.times import zone_of
from ledger.projections import all_projections, builds
from ledger.projections.base import Projection
from ledger.projections.follower import Follower
from ledger.projections.runner import Progress, Runner
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

ZONE = "Asia/Ho_Chi_Minh"
RATE = 500
"""Events a second."""
SECONDS = 20
BEFORE = 20_000
"""Events that are in the log already."""


class _Timed(Runner):
    """Notes when which position was reached, on the clock that processes share."""

    reached: list[tuple[int, float]]

    def catch_up(
        self, stop: int | None = None, progress: Progress | None = None, only: Sequence[builds.Build] | None = None
    ) -> int:
        """As it is."""
        position = super().catch_up(stop, progress, only)
        self.reached.append((position, time.monotonic()))
        return position


def main(wanted: int) -> None:
    """Print the table, for that many events or as many as come in `SECONDS`."""
    rate, seconds = RATE, max(1, min(SECONDS, wanted // RATE))
    projections: tuple[Projection, ...] = all_projections(zone_of(ZONE))
    with server() as started, database(started) as conninfo:
        ledger = Database(conninfo)
        log = Log(ledger)
        log.pin_locale(Locale(ZONE, "VN"))
        wanted = BEFORE + rate * seconds
        load(LedgerRecorder(ledger).append, _appends(wanted)[:BEFORE])
        builds.ensure(ledger, projections)
        runner = _Timed(ledger, log, projections)
        runner.reached = []
        runner.catch_up()
        follower = Follower(ledger, runner)
        follower.start()
        writer = subprocess.run(
            [sys.executable, "-m", "bench.follow", conninfo, str(rate), str(wanted)],
            stdout=subprocess.PIPE,
            check=True,
        )
        acknowledged: list[tuple[int, float]] = json.loads(writer.stdout)
        while runner.reached[-1][0] < log.head().next_position:
            time.sleep(0.05)
        follower.stop()
        ledger.close()
    positions = [position for position, _ in runner.reached]
    waits = sorted(
        max(runner.reached[bisect_right(positions, position)][1] - at, 0.0) * 1_000 for position, at in acknowledged
    )
    lasted = acknowledged[-1][1] - acknowledged[0][1]
    show(
        "Follow latency",
        [
            {
                "events": len(waits),
                "events/s": len(waits) / lasted,
                "p50 ms": waits[len(waits) // 2],
                "p99 ms": waits[len(waits) * 99 // 100],
                "worst ms": waits[-1],
            }
        ],
    )


def _appends(events: int) -> list[Append]:
    """So many at least: of some tasks the history ends early."""
    return Generator(events // 40 + 1, 400, events * 5 // 4).appends()


def _write(conninfo: str, rate: int, wanted: int) -> None:
    """Append what is not in the log yet, one by one, and print [position, when it was acknowledged] of each."""
    ledger = Database(conninfo)
    recorder = LedgerRecorder(ledger)
    told = []
    due = time.monotonic()
    for append in _appends(wanted)[BEFORE:wanted]:
        due += 1 / rate
        time.sleep(max(due - time.monotonic(), 0))
        (answer,) = recorder.append([append])
        assert answer.status == "recorded", answer
        told.append((answer.position, time.monotonic()))
    ledger.close()
    print(json.dumps(told))


if __name__ == "__main__":  # the process that appends
    _write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
