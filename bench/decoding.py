"""Entries decoded to records, on one core."""

from __future__ import annotations

import time

from bench.cases import Done, case
from bench.histories import Generator
from ledger.store.entry import decode_entry, entry_bytes


@case("decode", "ledger, entries of a made-up history", share=0.5)
def decoded(conninfo: str, events: int) -> Done:  # noqa: ARG001  # needs no server
    """Each record is looked at and let go, as by whoever folds a log."""
    appends = Generator(max(events // 50, 1), 40, events).appends()
    entries = [entry_bytes(append.events[0][1], append.history or 0) for append in appends]

    def all_entries() -> None:
        for position, entry in enumerate(entries):
            decode_entry(position, entry)

    all_entries()
    start = time.thread_time()  # it waits for nothing: what counts is the core's time, and not that of its neighbours
    all_entries()
    return Done(len(entries), time.thread_time() - start)
