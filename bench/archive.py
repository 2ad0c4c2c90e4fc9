"""What integrity costs: hashing, sealing, proofs, and the archive's export, verification and restore.

    python -m bench archive [--events N]

A made-up history of 50 events a task, 100,000 entries unless told otherwise; fsync on, one process.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path

from bench.histories import Generator, load
from bench.support import database, machine, server, show, timed
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proofs import verify_inclusion
from ledger.services import keys, sealing, verification
from ledger.services.archive import export as exports
from ledger.services.archive import restoring
from ledger.services.archive import verification as archives
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.settings import Settings
from ledger.store.recorder import LedgerRecorder

PROOFS = 2_000


def quiet(*_: object) -> None:
    """No progress is shown."""


def main(wanted: int) -> None:
    """Print the tables."""
    appends = Generator(wanted // 50, 400, wanted).appends()
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as given, server() as started:
        folder, about = Path(given), machine(started)
        with database(started) as conninfo, Ledger(Settings(database_url=conninfo, data_dir=folder)) as ledger:
            keys.create(ledger.settings)
            load(LedgerRecorder(ledger.database).append, appends)
            appends.clear()
            entries = ledger.log.head().next_position
            _measure(ledger, folder / "archive", entries, about)
            with database(started) as other, Ledger(Settings(database_url=other, data_dir=folder)) as again:
                seconds = timed(lambda: restoring.restore(again, folder / "archive", None, quiet))
                show(
                    "Archive restore", [{"entries": entries, "seconds": seconds, "entries/s": entries / seconds}], about
                )


def _measure(ledger: Ledger, archive: Path, entries: int, about: dict[str, str]) -> None:
    sample = [entry for _, entry in ledger.log.entries(0, 50_000)]
    rows = []

    def row(work: str, count: int, seconds: float) -> None:
        rows.append({"work": work, "entries": count, "seconds": seconds, "entries/s": count / seconds})

    row("leaf hash, in this process", len(sample), timed(lambda: [leaf_hash(entry) for entry in sample]))
    row("first seal: every tile hashed and stored", entries, timed(lambda: sealing.current(ledger)))
    sealed = sealing.current(ledger)
    row("export, all", entries, timed(lambda: exports.export(ledger, archive, sealed, ALL, quiet)))
    row("export, nothing new", entries, timed(lambda: exports.export(ledger, archive, sealed, ALL, quiet)))
    vkeys = keys.load(ledger.settings).verifiers
    row("archive verify", entries, timed(lambda: archives.verify(archive, vkeys, quiet)))
    row("ledger verify", entries, timed(lambda: verification.verify(ledger, None, quiet)))
    show("Archive", rows, about)
    show("Proofs", [_proofs(ledger, entries, sealed.checkpoint.root)], about)


def _proofs(ledger: Ledger, size: int, root: bytes) -> dict[str, float]:
    chance = random.Random(6962)
    times = []
    for _ in range(PROOFS):
        position = chance.randrange(size)
        start = time.perf_counter()
        proof = ledger.tiles.inclusion(position, size)
        times.append(1_000 * (time.perf_counter() - start))
        verify_inclusion(proof, leaf_hash(ledger.log.entries(position, position + 1)[0][1]), root)
    return {"entries": size, "p50 ms": statistics.median(times), "p99 ms": statistics.quantiles(times, n=100)[98]}
