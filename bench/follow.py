"""From acknowledgement to visible: how long after an append was answered the read models show it.

    python -m bench follow [--runs N]

500 events a second for 20 seconds, each an append of its own, by a process of its own, at an even pace; a follower as
`ledger serve` has one, in a process of its own, which has just been started; fsync on. The log holds 100,000 events of
2,000 tasks before, and what comes is the next events of all of these in turn, so that of most of them the follower has
nothing at hand. Each run has a new log and a new follower; each figure is the median of the runs, the worst is that of
all.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from bench.apart import apart, peak_memory
from bench.histories import LOCALE, UNITS, Generator, load
from bench.support import database, machine, server, show
from ledger.domain.times import zone_of
from ledger.projections import all_projections, builds
from ledger.projections.follower import Follower
from ledger.projections.runner import Progress, Runner
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

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


class _Seen(NamedTuple):
    """What one run came to: (position, when) of what was acknowledged, and of what the read models had reached."""

    acknowledged: list[tuple[int, float]]
    reached: list[tuple[int, float]]
    memory: int
    """The peak of the follower's process, in KiB."""


def main(wanted: int, runs: int) -> None:
    """Print the table, for that many events a run or as many as come in `SECONDS`; the medians of the runs."""
    count = RATE * max(STARTING + 1, min(SECONDS, wanted // RATE))
    seen = []
    with server() as started:
        about = machine(started)
        for _ in range(runs):
            with database(started) as conninfo:
                apart(_begin, conninfo, count)
                seen.append(apart(_followed, conninfo, count))
    first = STARTING * RATE
    show(
        "Follow latency",
        [
            _medians(f"the first {STARTING} s after the start", [_row(each, slice(first)) for each in seen]),
            _medians("from then on", [_row(each, slice(first, None)) for each in seen]),
        ],
        about,
    )


def _begin(conninfo: str, late: int) -> None:
    """The log holds what was there before, and the read models have followed it."""
    ledger = Database(conninfo)
    log = Log(ledger)
    log.pin_locale(LOCALE)
    early, _ = _appends(late)
    load(LedgerRecorder(ledger).append, early)
    projections = all_projections(zone_of(LOCALE.time_zone))
    builds.ensure(ledger, projections)
    Runner(ledger, log, projections).catch_up()
    ledger.close()


def _followed(conninfo: str, late: int) -> _Seen:
    """A new follower, while another process appends so many events."""
    ledger = Database(conninfo)
    log = Log(ledger)
    runner = _Timed(ledger, log, all_projections(zone_of(LOCALE.time_zone)))
    runner.reached = []
    follower = Follower(ledger, runner)
    follower.start()
    writer = subprocess.run(
        [sys.executable, "-m", "bench.follow", conninfo, str(RATE), str(late)], stdout=subprocess.PIPE, check=True
    )
    while runner.reached[-1][0] < log.head().next_position:
        time.sleep(0.05)
    follower.stop()
    ledger.close()
    memory = peak_memory()
    return _Seen(json.loads(writer.stdout), runner.reached, memory)


def _row(seen: _Seen, some: slice) -> dict[str, float]:
    acknowledged = seen.acknowledged[some]
    positions = [position for position, _ in seen.reached]
    waits = sorted(
        max(seen.reached[bisect_right(positions, position)][1] - at, 0.0) * 1_000 for position, at in acknowledged
    )
    return {
        "events before": acknowledged[0][0],
        "events": len(waits),
        "events/s": len(waits) / (acknowledged[-1][1] - acknowledged[0][1]),
        "p50 ms": waits[len(waits) // 2],
        "p99 ms": waits[len(waits) * 99 // 100],
        "worst ms": waits[-1],
        "peak MiB": seen.memory // 1024,
    }


def _medians(when: str, rows: Sequence[dict[str, float]]) -> dict[str, Any]:
    """The median of each figure, and the worst of what is the worst already."""
    row = {name: statistics.median(each[name] for each in rows) for name in rows[0]}
    worst = {name: max(each[name] for each in rows) for name in ("worst ms", "peak MiB")}
    return {"when": when} | row | worst | {"runs, p99 ms": [round(each["p99 ms"]) for each in rows]}


def _appends(late: int) -> tuple[list[Append], list[Append]]:
    """What is in the log already, and so many that come: the last of each task, in rounds of one a task by chance."""
    rounds = -(-late // TASKS)
    made = Generator(TASKS, UNITS, BEFORE + TASKS * rounds).appends()
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
