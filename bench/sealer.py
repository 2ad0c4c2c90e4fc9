"""What signing costs those who record: appends a second with the sealer off and on, in pairs.

    python -m bench sealer

One writer, one event an append, fsync on; 20 pairs of runs of 4 s. In every other pair the sealer
is on first, so that a machine that slows down or speeds up does not count for one side. A pair's cost is one figure;
the table has their median and quartiles, and what the signatures themselves took.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from bench.apart import peak_memory
from bench.histories import recorded
from bench.support import database, machine, server, show
from ledger.services import keys, sealing
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed, Sealer
from ledger.services.sealing_thread import SealingThread
from ledger.settings import Settings
from ledger.store.append import Append
from ledger.store.recorder import LedgerRecorder

PAIRS, SECONDS = 20, 4.0


def main(wanted: int) -> None:
    """Print the table, for a log that holds about so many events before.

    To be called by a process of its own, whose memory is shown: it appends and seals.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder,
        server() as started,
        database(started) as conninfo,
        Ledger(Settings(database_url=conninfo, data_dir=Path(folder))) as ledger,
    ):
        keys.create(ledger.settings)
        events = recorded(conninfo, wanted)
        sealing.current(ledger)
        row = {"events": events} | sealer_cost(ledger) | {"peak MiB": peak_memory() // 1024}
        show("Sealer", [row], machine(started))


def sealer_cost(ledger: Ledger) -> dict[str, float]:
    """The rates, the cost in per cent, and what a signature took."""
    writer, timed = _Writer(ledger), _Timed(sealing.sealer(ledger))
    rates: dict[bool, list[float]] = {False: [], True: []}
    costs = []
    for pair in range(PAIRS):
        for on in (False, True) if pair % 2 else (True, False):
            thread = SealingThread(timed, ledger.log) if on else None  # type: ignore[arg-type]  # it seals
            if thread:
                thread.start()
            rates[on].append(writer.rate(SECONDS))
            if thread:
                thread.stop()
        costs.append(100 * (1 - rates[True][-1] / rates[False][-1]))
    low, median, high = statistics.quantiles(costs, n=4)
    return {
        "pairs": PAIRS,
        "off, appends/s": statistics.median(rates[False]),
        "on, appends/s": statistics.median(rates[True]),
        "cost %": median,
        "first quartile": low,
        "third quartile": high,
        "seals": len(timed.wall),
        "a seal, ms": 1_000 * statistics.median(timed.wall),
        "CPU of this process, ms": 1_000 * statistics.median(timed.cpu),
    }


class _Writer:
    """Appends one small event after the other, each to a stream of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._recorder = LedgerRecorder(ledger.database)
        self._number = 0

    def rate(self, seconds: float) -> float:
        """How many a second it gets recorded in so many seconds."""
        before, start = self._number, time.perf_counter()
        while time.perf_counter() < start + seconds:
            self._number += 1
            stream = f"b/{self._number}-{os.getpid()}"
            state = b'{"stream":"%b","type":"t","version":1,"x":"%b"}' % (stream.encode(), b"x" * 300)
            (answer,) = self._recorder.append([Append(stream, 0, (("t", state),))])
            assert answer.status == "recorded"
        return (self._number - before) / (time.perf_counter() - start)


class _Timed:
    """A sealer, and how long each of its signatures took: by the clock, and of the processor in the thread itself."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def seal(self) -> Sealed:
        """As the sealer's."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return self._sealer.seal()
        finally:
            self.wall.append(time.perf_counter() - wall)
            self.cpu.append(time.thread_time() - cpu)
