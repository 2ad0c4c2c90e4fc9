"""Entries decoded to records, on one core."""

from __future__ import annotations

import time

from bench.cases import Done, case
from bench.histories import Generator
from ledger.store.entry import decode_entry, entry_bytes

BATCH = 5_000
"""Entries that are read at a time, as by whoever follows or checks a log."""


@case("decode", "ledger, entries of a made-up history", share=0.5)
def decoded(conninfo: str, events: int) -> Done:  # noqa: ARG001  # needs no server
    """Each batch has just been read, and each record is looked at and let go."""
    made = Generator(max(events // 50, 1), 40, events).appends()
    seconds = 0.0
    for first in range(0, len(made), BATCH):
        entries = [entry_bytes(append.events[0][1], append.history or 0) for append in made[first : first + BATCH]]
        # It waits for nothing: what counts is the core's time, and not that of its neighbours.
        start = time.thread_time()
        for position, entry in enumerate(entries, first):
            decode_entry(position, entry)
        seconds += time.thread_time() - start
    return Done(len(made), seconds)
