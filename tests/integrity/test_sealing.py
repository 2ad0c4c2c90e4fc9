"""The signer: it signs what follows from what it signed before, remembers it, and refuses all else by name."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.integrity.ledgers import ORIGIN, fill, seal, signing, superuser, verifier

from ledger.errors import EntryMissing, Fork, NoKey, NotFound, Rollback, SettingsError
from ledger.merkle import checkpoints
from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.tree import tree_root
from ledger.services import keys, sealing
from ledger.services.sealing_thread import SealingThread
from ledger.store.checkpoints import CheckpointStore


def test_a_checkpoint_is_over_all_that_is_recorded(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        assert (seal(ledger).checkpoint.size, seal(ledger).checkpoint.root) == (0, EMPTY_ROOT)
        for size in (1, 255, 256, 257, 600):
            fill(ledger, size - ledger.log.head().next_position, start=ledger.log.head().next_position)
            sealed = seal(ledger)
            entries = [entry for _, entry in ledger.log.entries(0, size)]
            assert sealed.checkpoint.origin == ORIGIN
            assert (sealed.checkpoint.size, sealed.checkpoint.root) == (size, tree_root(map(leaf_hash, entries)))
            assert checkpoints.read(sealed.note, [verifier(ledger)]) == sealed.checkpoint
        sizes = [each.size for each in CheckpointStore(ledger.database).after(-1)]
        assert sizes == [0, 1, 255, 256, 257, 600]


def test_without_news_nothing_is_signed(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 3)
        first = seal(ledger)
        written = sealing.memory(ledger.settings).path.stat()
        assert seal(ledger) == first
        assert sealing.memory(ledger.settings).path.stat() == written


def test_it_is_remembered_outside_the_database_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 3)
        sealed = seal(ledger)
        path = sealing.memory(ledger.settings).path
        assert path.read_bytes() == sealed.note
        assert path.stat().st_mode & 0o777 == 0o600
        assert sorted(file.name for file in path.parent.iterdir()) == ["log.key", "log.key.checkpoint", "log.key.lock"]


def test_what_was_remembered_but_not_published_is_published_next_time(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 3)
        sealed = seal(ledger)
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.checkpoint")
        with pytest.raises(NotFound):
            sealing.published(ledger)
        assert seal(ledger) == sealed
        assert sealing.published(ledger, 3) == sealed == sealing.published(ledger)


def test_fewer_entries_than_were_signed_are_a_rollback(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5)
        seal(ledger)
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.log WHERE position = 4; DELETE FROM ledger.checkpoint")
            owner.execute("UPDATE ledger.head SET next_position = 4; UPDATE ledger.stream SET version = 4")
        with pytest.raises(Rollback, match="ROLLBACK") as caught:
            seal(ledger)
        assert (caught.value.signed, caught.value.found) == (5, 4)


@pytest.mark.parametrize("size", [5, 300, 600])
def test_an_old_state_that_went_on_is_a_fork(database: Database, tmp_path: Path, size: int) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, size)
        signed = seal(ledger)
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.log WHERE position >= 3; DELETE FROM ledger.checkpoint")
            owner.execute("UPDATE ledger.head SET next_position = 3; UPDATE ledger.stream SET version = 3")
            owner.execute("DELETE FROM ledger.tile")
        fill(ledger, size + 4, start=3)
        with pytest.raises(Fork, match="FORK") as caught:
            seal(ledger)
        assert (caught.value.size, caught.value.signed) == (size, signed.checkpoint.root)
        assert CheckpointStore(ledger.database).newest() is None
        assert sealing.memory(ledger.settings).path.read_bytes() == signed.note


def test_another_root_at_the_same_size_is_a_fork(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5)
        seal(ledger)
        with superuser(database) as owner:
            owner.execute("UPDATE ledger.log SET entry = entry || ' ' WHERE position = 2")
        with pytest.raises(Fork):
            seal(ledger)


def test_the_published_checkpoints_speak_when_the_memory_is_lost(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5)
        sealed = seal(ledger)
        path = sealing.memory(ledger.settings).path
        path.unlink()
        assert seal(ledger) == sealed
        assert path.read_bytes() == sealed.note
        path.unlink()
        with superuser(database) as owner:
            owner.execute("UPDATE ledger.log SET entry = entry || ' ' WHERE position = 2")
        with pytest.raises(Fork):
            seal(ledger)


def test_a_gap_is_named(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5)
        with superuser(database) as owner:
            owner.execute("DELETE FROM ledger.log WHERE position = 3")
        with pytest.raises(EntryMissing, match="position 3"):
            seal(ledger)


def test_a_key_does_not_go_on_where_another_signed(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path / "one") as ledger:
        fill(ledger, 5)
        seal(ledger)
    with signing(database, tmp_path / "other") as ledger, pytest.raises(SettingsError, match="LEDGER_KEY_FILE"):
        seal(ledger)


def test_a_memory_that_was_tampered_with_is_not_believed(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        fill(ledger, 5)
        sealed = seal(ledger)
        path = sealing.memory(ledger.settings).path
        path.write_bytes(sealed.note.replace(b"\n5\n", b"\n4\n"))
        with pytest.raises(SettingsError, match=str(path)):
            seal(ledger)


def test_many_sealers_and_a_writer_sign_one_history(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        done = threading.Event()

        def sealing_on() -> None:
            while not done.is_set():
                seal(ledger)

        with ThreadPoolExecutor(3) as pool:
            sealers = [pool.submit(sealing_on) for _ in range(3)]
            for n in range(60):
                fill(ledger, 7, start=7 * n)
            done.set()
            for each in sealers:
                each.result()
        last = seal(ledger).checkpoint
        leaves = [leaf_hash(entry) for _, entry in ledger.log.entries(0, last.size)]
        for each in CheckpointStore(ledger.database).after(-1):
            assert checkpoints.read(each.note, [verifier(ledger)]).root == tree_root(leaves[: each.size])


def test_without_a_key_the_last_published_is_current(database: Database, tmp_path: Path) -> None:
    with signing(database, tmp_path) as ledger:
        key = keys.key_file(ledger.settings)
        held = key.read_bytes()
        key.unlink()
        with pytest.raises(NoKey):
            sealing.current(ledger)
        key.write_bytes(held)
        key.chmod(0o600)
        fill(ledger, 2)
        sealed = sealing.current(ledger)
        key.unlink()
        fill(ledger, 2, start=2)
        assert sealing.current(ledger) == sealed


def test_the_thread_signs_news_goes_on_after_trouble_and_signs_what_is_left_when_it_stops(
    database: Database, tmp_path: Path
) -> None:
    with signing(database, tmp_path) as ledger:
        thread = SealingThread(sealing.sealer(ledger), ledger.log, interval=0.02)
        thread.start()
        fill(ledger, 3)
        _until(lambda: sealing.published(ledger).checkpoint.size == 3)
        path = sealing.memory(ledger.settings).path
        held = path.read_bytes()
        path.write_bytes(b"damaged")
        fill(ledger, 2, start=3)
        time.sleep(0.1)
        assert sealing.published(ledger).checkpoint.size == 3
        path.write_bytes(held)
        _until(lambda: sealing.published(ledger).checkpoint.size == 5)
        fill(ledger, 1, start=5)
        thread.stop()
        assert sealing.published(ledger).checkpoint.size == 6


def _until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            if condition():  # type: ignore[operator]  # a callable
                return
        except NotFound:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.01)
