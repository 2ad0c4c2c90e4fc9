"""From acknowledgement to visible: how long after an append was answered the read models show it.

    python -m bench follow

500 events a second for 20 seconds, each an append of its own, by a process of its own, at an even pace; a follower as
`ledger serve` has one, which has just been started; fsync on. The log holds 100,000 events of 2,000 tasks before, and
what comes is the next events of all of these in turn, so that of most of them the follower has nothing at hand.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from bench.histories import Generator, load
from bench.support import database, machine, server, show
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
STARTING = 5
"""The first seconds, told apart from the rest."""
TASKS, BEFORE = 2_000, 100_000
"""The tasks, and the events that are in the log already."""


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
        about, ledger = machine(started), Database(conninfo)
        log = Log(ledger)
        log.pin_locale(Locale(ZONE, "VN"))
        early, _ = _appends(rate * seconds)
        load(LedgerRecorder(ledger).append, early)
        builds.ensure(ledger, projections)
        Runner(ledger, log, projections).catch_up()
        runner = _Timed(ledger, log, projections)
        runner.reached = []
        follower = Follower(ledger, runner)
        follower.start()
        writer = subprocess.run(
            [sys.executable, "-m", "bench.follow", conninfo, str(rate), str(rate * seconds)],
            stdout=subprocess.PIPE,
            check=True,
        )
        acknowledged: list[tuple[int, float]] = json.loads(writer.stdout)
        while runner.reached[-1][0] < log.head().next_position:
            time.sleep(0.05)
        follower.stop()
        ledger.close()
    starting = STARTING * rate
    show(
        "Follow latency",
        [
            _row(f"the first {STARTING} s after the start", acknowledged[:starting], runner.reached),
            _row("from then on", acknowledged[starting:], runner.reached),
        ],
        about,
    )


def _row(
    when: str, acknowledged: Sequence[tuple[int, float]], reached: Sequence[tuple[int, float]]
) -> dict[str, object]:
    positions = [position for position, _ in reached]
    waits = sorted(
        max(reached[bisect_right(positions, position)][1] - at, 0.0) * 1_000 for position, at in acknowledged
    )
    return {
        "when": when,
        "events": len(waits),
        "events/s": len(waits) / (acknowledged[-1][1] - acknowledged[0][1]),
        "p50 ms": waits[len(waits) // 2],
        "p99 ms": waits[len(waits) * 99 // 100],
        "worst ms": waits[-1],
    }


def _appends(late: int) -> tuple[list[Append], list[Append]]:
    """What is in the log already, and so many that come: the last of each task, in rounds of one a task by chance."""
    rounds = -(-late // TASKS)
    made = Generator(TASKS, 400, BEFORE + TASKS * rounds).appends()
    left = Counter(append.stream for append in made if append.stream.startswith("task/"))
    early: list[Append] = []
    coming: list[list[Append]] = [[] for _ in range(rounds)]
    for append in made:
        left[append.stream] -= 1
        if 0 <= left[append.stream] < rounds:
            coming[rounds - 1 - left[append.stream]].append(replace(append, history=None))
        else:
            early.append(append)
    chance = random.Random(57)
    for one in coming:
        chance.shuffle(one)
    return early, [append for one in coming for append in one][:late]


def _write(conninfo: str, rate: int, wanted: int) -> None:
    """Append what comes, one by one, and print [position, when it was acknowledged] of each."""
    ledger = Database(conninfo)
    recorder = LedgerRecorder(ledger)
    told = []
    _, late = _appends(wanted)
    due = time.monotonic()
    for append in late:
        due += 1 / rate
        time.sleep(max(due - time.monotonic(), 0))
        (answer,) = recorder.append([append])
        assert answer.status == "recorded", answer
        told.append((answer.position, time.monotonic()))
    ledger.close()
    print(json.dumps(told))


if __name__ == "__main__":  # the process that appends
    _write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
