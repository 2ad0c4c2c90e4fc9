"""What integrity costs: hashing, sealing, proofs, and the archive's export, verification and restore.

    python -m bench archive [--events N]

A made-up history of 50 events a task, 100,000 entries unless told otherwise; fsync on. Each work is done once, by a
process of its own and those that it starts.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.apart import Spent, apart, peak_memory, spent
from bench.histories import recorded
from bench.support import database, machine, server, show
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import verify_inclusion
from ledger.services import keys, sealing, verification
from ledger.services.archive import export as exports
from ledger.services.archive import restoring
from ledger.services.archive import verification as archives
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.settings import Settings

PROOFS = 2_000
SAMPLE = 50_000
Work = Callable[[Ledger, Path], Spent]


def quiet(*_: object) -> None:
    """No progress is shown."""


def main(wanted: int) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as given, server() as started:
        folder, about = Path(given), machine(started)
        with database(started) as conninfo, database(started) as other:
            keys.create(Settings(database_url=conninfo, data_dir=folder))
            events = recorded(conninfo, wanted)
            rows = []
            for name, work in WORKS.items():
                count = min(SAMPLE, events) if work is _hash else events
                rows.append({"work": name} | _row(count, apart(_done, conninfo, folder, work)))
            show("Archive", rows, about)
            show("Proofs", [apart(_proofs, conninfo, folder)], about)
            show("Archive restore", [_row(events, apart(_done, other, folder, _restore))], about)


def _row(events: int, done: Spent) -> dict[str, Any]:
    return {
        "events": events,
        "seconds": done.seconds,
        "events/s": events / done.seconds,
        "peak MiB": done.memory // 1024,
    }


def _done(conninfo: str, folder: Path, work: Work) -> Spent:
    with Ledger(Settings(database_url=conninfo, data_dir=folder)) as ledger:
        return work(ledger, folder / "archive")


def _hash(ledger: Ledger, _: Path) -> Spent:
    sample = [entry for _, entry in ledger.log.entries(0, SAMPLE)]
    return spent(lambda: [leaf_hash(entry) for entry in sample])


def _seal(ledger: Ledger, _: Path) -> Spent:
    return spent(lambda: sealing.current(ledger))


def _export(ledger: Ledger, archive: Path) -> Spent:
    sealed = sealing.current(ledger)
    return spent(lambda: exports.export(ledger, archive, sealed, ALL, quiet))


def _verify_archive(ledger: Ledger, archive: Path) -> Spent:
    vkeys = keys.load(ledger.settings).verifiers
    return spent(lambda: archives.verify(archive, vkeys, quiet))


def _verify_ledger(ledger: Ledger, _: Path) -> Spent:
    return spent(lambda: verification.verify(ledger, None, quiet))


def _restore(ledger: Ledger, archive: Path) -> Spent:
    return spent(lambda: restoring.restore(ledger, archive, None, quiet))


WORKS: dict[str, Work] = {
    "leaf hash, in one process": _hash,
    "first seal: every tile hashed and stored": _seal,
    "export, all": _export,
    "export, nothing new": _export,
    "archive verify": _verify_archive,
    "ledger verify": _verify_ledger,
}
"""In this order: an archive is exported before it is verified."""


def _proofs(conninfo: str, folder: Path) -> dict[str, Any]:
    chance = random.Random(6962)
    times = []
    with Ledger(Settings(database_url=conninfo, data_dir=folder)) as ledger:
        checkpoint = sealing.current(ledger).checkpoint
        for _ in range(PROOFS):
            position = chance.randrange(checkpoint.size)
            start = time.perf_counter()
            proof = ledger.tiles.inclusion(position, checkpoint.size)
            times.append(1_000 * (time.perf_counter() - start))
            entry = ledger.log.entries(position, position + 1)[0][1]
            verify_inclusion(proof, leaf_hash(entry), checkpoint.root)
    return {
        "events": checkpoint.size,
        "proofs": PROOFS,
        "p50 ms": statistics.median(times),
        "p99 ms": statistics.quantiles(times, n=100)[98],
        "peak MiB": peak_memory() // 1024,
    }
