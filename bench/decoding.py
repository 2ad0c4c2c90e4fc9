"""Entries decoded to records, on one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import msgspec

from bench.apart import apart, peak_memory
from bench.cases import Done, case
from bench.histories import portfolio
from ledger import processes
from ledger.store.entry import decode_entry, entry_bytes

BATCH = 5_000
"""Entries that are read at a time, as by whoever follows or checks a log."""


@case("decode", "ledger, entries of a made-up history", share=0.5)
def decoded(conninfo: str, events: int) -> Done:  # noqa: ARG001  # needs no server
    """Each batch has just been read, and each record is looked at and let go."""
    count, seconds = 0, 0.0
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder:
        file = Path(folder) / "entries"
        apart(_write, file, events)
        with file.open("rb") as given:
            while (frame := processes.take(given)) is not None:
                entries = msgspec.msgpack.decode(frame, type=list[bytes])
                # It waits for nothing: what counts is the core's time, and not that of its neighbours.
                start = time.thread_time()
                for position, entry in enumerate(entries, count):
                    decode_entry(position, entry)
                seconds += time.thread_time() - start
                count += len(entries)
    return Done(count, seconds, peak_memory())


def _write(file: Path, events: int) -> None:
    """The file holds the entries of a made-up history, in batches."""
    made = portfolio(events).appends()
    with file.open("wb") as out:
        for first in range(0, len(made), BATCH):
            batch = made[first : first + BATCH]
            entries = [entry_bytes(append.events[0][1], append.history or 0) for append in batch]
            processes.put(out, msgspec.msgpack.encode(entries))
