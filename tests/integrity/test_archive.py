"""The archive: the same files however it came about, nothing half-written, and a ledger again when restored."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.integrity.ledgers import fill, seal, signing, superuser, verifier
from tests.support.databases import NewDatabase
from tests.support.ledgers import beginnings, line, record

from ledger.errors import BadFile, Fork, IntegrityError, NotEmpty, Rollback
from ledger.merkle import bundles
from ledger.services import keys, sealing
from ledger.services.archive import export as exports
from ledger.services.archive import restoring, verification
from ledger.services.archive.export import Exported
from ledger.services.archive.layout import ArchiveError, past_path
from ledger.services.archive.verification import Verified
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger

KILLS = int(os.environ.get("LEDGER_TESTS_KILLS", "4"))
"""50 for the whole proof."""


def quiet(_done: int, _total: int) -> None:
    """No progress is shown."""


def export(ledger: Ledger, folder: Path) -> Exported:
    return exports.export(ledger, folder, sealing.current(ledger), ALL, quiet)


def verify(ledger: Ledger, folder: Path) -> Verified:
    return verification.verify(folder, [verifier(ledger)], quiet)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_files_are_those_of_the_format(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 70_000 - 65_536 + 256)
        size = 70_000 - 65_536 + 256  # 4,720 = 18 full tiles and 112
        exported = export(ledger, tmp_path / "a")
        held = files(tmp_path / "a")
        full = [f"tile/{kind}/{n:03d}" for kind in ("0", "entries") for n in range(18)]
        rest = [
            "locale.json",
            "texts/highest-class",
            "tile/0/018.p/112",
            "tile/entries/018.p/112",
            "tile/1/000.p/18",
            "checkpoint",
            "checkpoints/x004/720",
        ]
        assert sorted(held) == sorted(full + rest)
        assert (exported.size, exported.entries, exported.files) == (size, size, len(held))
        assert held["checkpoint"] == held["checkpoints/x004/720"] == sealing.published(ledger).note
        entries = [entry for n in range(18) for entry in bundles.decode(held[f"tile/entries/{n:03d}"])]
        entries += bundles.decode(held["tile/entries/018.p/112"])
        assert entries == [entry for _, entry in ledger.log.entries(0, size)]
        verified = verify(ledger, tmp_path / "a")
        assert (verified.newest.size, verified.past) == (size, 0)


def test_brought_up_to_date_it_is_what_it_is_made_in_one_go(database: Database, tmp_path: Path) -> None:
    chance = random.Random(4)
    with signing(database, tmp_path) as ledger:
        size = 0
        for step in (0, 1, 3, 250, 1, 1, 1, 300, 40, 1, 65_000, 200, 700):
            fill(ledger, step, start=size)
            size += step
            seal(ledger)
            if chance.random() < 0.6:
                export(ledger, tmp_path / "step")
                assert verify(ledger, tmp_path / "step").newest.size == size
        export(ledger, tmp_path / "step")
        assert export(ledger, tmp_path / "step").files == 0
        export(ledger, tmp_path / "once")
        assert files(tmp_path / "step") == files(tmp_path / "once")
        assert verify(ledger, tmp_path / "once") == verify(ledger, tmp_path / "step")
        # A client that holds a checkpoint finds the partial tiles of its size, until the full one is there.
        assert f"tile/0/{size // 256:03d}.p/{size % 256}" in files(tmp_path / "once")


def test_restored_it_is_the_same_ledger(database: Database, new_database: NewDatabase, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        record(
            ledger, *beginnings(), line("assign_task", "T1", 1, title="T", lead="U1", deadline={"date": "2025-03-10"})
        )
        seal(ledger)
        for percent in range(40):
            record(ledger, line("report_progress", "T1", 2, unit="U1", percent=percent))
            seal(ledger)
        export(ledger, tmp_path / "a")
        head, last = ledger.log.head(), seal(ledger)
        with new_database() as other, signing(other, tmp_path) as again:
            restored = restoring.restore(again, tmp_path / "a", [verifier(ledger)], quiet)
            assert again.log.head() == head
            assert again.log.entries(0, head.next_position) == ledger.log.entries(0, head.next_position)
            assert restored.newest == last.checkpoint
            assert seal(again) == last
            export(again, tmp_path / "b")
            assert files(tmp_path / "b") == files(tmp_path / "a")
            # And once more does no harm, until it is a ledger of its own.
            restoring.restore(again, tmp_path / "a", [verifier(ledger)], quiet)
            record(again, line("report_progress", "T1", 3, unit="U1", percent=50))
            with pytest.raises(NotEmpty):
                restoring.restore(again, tmp_path / "a", [verifier(ledger)], quiet)


def test_entries_that_are_no_ledgers_are_not_restored(
    database: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 3)
        export(ledger, tmp_path / "a")
        with new_database() as other, signing(other, tmp_path) as again:
            with pytest.raises(ArchiveError) as caught:
                restoring.restore(again, tmp_path / "a", [verifier(ledger)], quiet)
            assert caught.value.position == 0
            assert again.log.head().next_position == 0


def test_an_archive_of_another_history_is_not_gone_on_with(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 300)
        old = seal(ledger)
        fill(ledger, 10, start=300)
        export(ledger, tmp_path / "a")
        with pytest.raises(Rollback):
            exports.export(ledger, tmp_path / "a", old, ALL, quiet)
        with superuser(database) as owner:
            owner.execute("UPDATE ledger.log SET entry = entry || ' ' WHERE position = 305")
            owner.execute("DELETE FROM ledger.checkpoint")
        sealing.memory(ledger.settings).path.unlink()
        with pytest.raises(Fork):
            export(ledger, tmp_path / "a")


def test_an_archive_of_another_log_is_not_touched(
    database: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    with signing(database, tmp_path) as ledger, new_database() as other:
        fill(ledger, 3)
        export(ledger, tmp_path / "a")
        with signing(other, tmp_path / "other") as stranger:
            keys.key_file(stranger.settings).unlink()
            keys.create(stranger.settings, "example.org/other")
            fill(stranger, 5)
            with pytest.raises(BadFile, match=r"archive of example\.org/ledger"):
                export(stranger, tmp_path / "a")


def test_an_entry_that_is_not_what_was_hashed_is_not_exported(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 600)
        seal(ledger)
        with superuser(database) as owner:
            owner.execute("UPDATE ledger.log SET entry = entry || ' ' WHERE position = 300")
        with pytest.raises(IntegrityError, match=r"ALTERED.* position 300 "):
            export(ledger, tmp_path / "a")


def test_two_exports_at_once_do_not_mix(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 600)
        sealed = seal(ledger)

        def again(_done: int, _total: int) -> None:
            with pytest.raises(BadFile, match="another process"):
                exports.export(ledger, tmp_path / "a", sealed, ALL, quiet)

        exports.export(ledger, tmp_path / "a", sealed, ALL, again)
        verify(ledger, tmp_path / "a")


_CHILD = """
import sys
from pathlib import Path
from ledger.services import sealing
from ledger.services.archive.export import export
from ledger.services.ledger import Ledger
from ledger.settings import load
with Ledger(load()) as ledger:
    sealed = sealing.current(ledger)
    print("begin", flush=True)
    export(ledger, Path(sys.argv[1]), sealed, "top_secret", lambda done, total: None)
"""


def test_killed_at_any_moment_and_taken_up_it_is_the_same(database: Database, tmp_path: Path) -> None:
    seed = int(time.time())
    chance = random.Random(seed)
    with signing(database, tmp_path) as ledger:
        for start in range(0, 12_000, 1_500):
            fill(ledger, 1_500, start=start)
            seal(ledger)
            if start == 3_000:
                export(ledger, tmp_path / "early")
        began = time.monotonic()
        export(ledger, tmp_path / "once")
        took = time.monotonic() - began
        expected, early = files(tmp_path / "once"), files(tmp_path / "early")
        environment = {
            **os.environ,
            "LEDGER_DATABASE_URL": database.app,
            "LEDGER_DATA_DIR": str(ledger.settings.data_dir),
            "LEDGER_TIME_ZONE": str(ledger.settings.time_zone),
        }
        folder = tmp_path / "killed"
        killed = 0
        for number in range(KILLS):
            if not folder.exists() and number % 2:
                shutil.copytree(tmp_path / "early", folder)
            child = subprocess.Popen(
                [sys.executable, "-c", _CHILD, str(folder)], env=environment, stdout=subprocess.PIPE, text=True
            )
            assert child.stdout is not None
            assert child.stdout.readline() == "begin\n"
            time.sleep(chance.uniform(0, took))
            child.send_signal(signal.SIGKILL)
            killed += child.wait() == -signal.SIGKILL
            child.stdout.close()
            held = files(folder) if folder.exists() else {}
            for name, content in held.items():
                # Whatever is there under its name is whole.
                assert name.startswith(".part") or content in (expected.get(name), early.get(name)), (seed, name)
            if "checkpoint" in held:
                verify(ledger, folder)
            if chance.random() < 0.4:  # otherwise the next one is killed on the way from here
                export(ledger, folder)
                assert files(folder) == expected, seed
                shutil.rmtree(folder)
        export(ledger, folder)
        assert files(folder) == expected, seed
        assert killed


def test_past_checkpoints_lie_under_their_size() -> None:
    assert past_path(0) == "checkpoints/000"
    assert past_path(1_234_067) == "checkpoints/x001/x234/067"
