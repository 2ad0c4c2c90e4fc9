"""One key follows another: recorded in the log that both sign, whatever happens in between."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.integrity.ledgers import ORIGIN, fill, seal, signing, superuser
from tests.support.databases import NewDatabase
from tests.support.ledgers import StandingClock, beginnings, record

from ledger.domain.events import KeyRetired, KeyRotated
from ledger.errors import DatabaseUnavailable, NoKey, SettingsError
from ledger.merkle import checkpoints, key_statements, notes
from ledger.merkle.note_keys import SignerKey, VerifierKey
from ledger.services import keys, rotation, sealing, verification
from ledger.services.archive import export as exports
from ledger.services.archive import restoring
from ledger.services.archive import verification as archives
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.verification import Verified
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed
from ledger.services.sealing_thread import SealingThread


def quiet(*_: object) -> None:
    """No progress is shown."""


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    with signing(database, tmp_path) as opened:
        record(opened, *beginnings())
        seal(opened)
        yield opened


def later(ledger: Ledger, days: int) -> None:
    clock = ledger.clock
    assert isinstance(clock, StandingClock)
    clock.now += days * 86_400_000_000


def signers(sealed: Sealed, *known: VerifierKey) -> set[VerifierKey]:
    return set(notes.verify(notes.parse(sealed.note), known))


def newest(ledger: Ledger) -> VerifierKey:
    return keys.load(ledger.settings).newest.verifier


def found(ledger: Ledger, *given: VerifierKey) -> list[str]:
    """The names of what `ledger verify` finds, for whoever has these keys."""
    return [each.name for each in verification.verify(ledger, given or None, quiet).findings]


def test_both_sign_until_the_old_one_is_retired(ledger: Ledger) -> None:
    old = newest(ledger)
    changed = rotation.rotate(ledger)
    new = changed.key
    assert new.name == ORIGIN
    assert new != old
    assert newest(ledger) == new
    # The checkpoint that covers the record is signed by both, and so is all that follows.
    assert changed.sealed.checkpoint.size == changed.position + 1
    assert signers(changed.sealed, old, new) == {old, new}
    fill(ledger, 3)
    assert signers(seal(ledger), old, new) == {old, new}
    (event,) = (each.event for each in ledger.log.stream_records({"log/keys": 0}, 2**62)["log/keys"])
    assert isinstance(event.data, KeyRotated)
    assert (event.data.old, event.data.new, event.data.overlap_until) == (old.vkey, new.vkey, dt.date(2025, 4, 30))

    later(ledger, 30)
    retired = rotation.retire(ledger)
    assert retired.key == old
    assert signers(retired.sealed, old, new) == {old, new}
    assert keys.load(ledger.settings).verifiers == (new,)
    fill(ledger, 3, start=3)
    assert signers(seal(ledger), old, new) == {new}
    assert found(ledger) == found(ledger, old) == found(ledger, new) == found(ledger, old, new) == []
    # And the next one follows this one.
    third = rotation.rotate(ledger, 0).key
    assert rotation.retire(ledger).key == new
    assert found(ledger, old) == found(ledger, third) == []


def test_the_old_key_is_not_retired_before_the_day_unless_it_must_be(ledger: Ledger) -> None:
    old = newest(ledger)
    rotation.rotate(ledger, 7)
    later(ledger, 6)
    with pytest.raises(SettingsError, match="until 2025-04-07"):
        rotation.retire(ledger)
    assert len(keys.load(ledger.settings).signers) == 2
    assert rotation.retire(ledger, early=True).key == old


def test_run_twice_it_rotates_once(ledger: Ledger) -> None:
    rotation.rotate(ledger)
    held = keys.key_file(ledger.settings).read_bytes()
    with pytest.raises(SettingsError, match="keys retire"):
        rotation.rotate(ledger)
    assert keys.key_file(ledger.settings).read_bytes() == held
    rotation.retire(ledger, early=True)
    with pytest.raises(SettingsError, match="one key signs"):
        rotation.retire(ledger)


def test_a_file_changed_but_nothing_recorded_is_finished_by_the_next_try(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = newest(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(ledger.committer, "append", _unavailable)
        with pytest.raises(DatabaseUnavailable):
            rotation.rotate(ledger)
    held = keys.load(ledger.settings)
    assert len(held.signers) == 2
    # Meanwhile both sign, which harms nobody; and the new one cannot be retired, nor the old.
    fill(ledger, 1)
    assert signers(seal(ledger), *held.verifiers) == set(held.verifiers)
    assert found(ledger, old) == []
    with pytest.raises(SettingsError, match="keys rotate"):
        rotation.retire(ledger, early=True)
    changed = rotation.rotate(ledger)
    assert changed.key == held.newest.verifier
    assert keys.load(ledger.settings) == held
    assert found(ledger, old) == found(ledger, changed.key) == []


def test_recorded_but_not_heard_of_it_is_recorded_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    append = ledger.committer.append

    def recorded_and_lost(*arguments: object) -> None:
        append(*arguments)  # type: ignore[arg-type]  # what it is given
        raise DatabaseUnavailable("cut off")

    for work in (rotation.rotate, lambda opened: rotation.retire(opened, early=True)):
        with monkeypatch.context() as patched:
            patched.setattr(ledger.committer, "append", recorded_and_lost)
            with pytest.raises(DatabaseUnavailable):
                work(ledger)
        seal(ledger)
        if work is rotation.rotate:
            with pytest.raises(SettingsError, match="already"):
                work(ledger)
        else:
            work(ledger)
    assert ledger.log.stream_versions(["log/keys"]) == {"log/keys": 2}
    assert len(keys.load(ledger.settings).signers) == 1
    assert found(ledger) == []


def test_a_retirement_that_is_not_signed_over_leaves_the_key_in_the_file(ledger: Ledger) -> None:
    old, new = newest(ledger), rotation.rotate(ledger).key
    path = sealing.memory(ledger.settings).path
    held = path.read_bytes()
    path.write_bytes(b"damaged")
    with pytest.raises(SettingsError):
        rotation.retire(ledger, early=True)
    assert keys.load(ledger.settings).verifiers == (old, new)
    path.write_bytes(held)
    changed = rotation.retire(ledger, early=True)
    assert signers(changed.sealed, old, new) == {old, new}
    assert keys.load(ledger.settings).verifiers == (new,)
    assert found(ledger, old) == []


def test_an_old_copy_of_the_file_is_not_signed_with(ledger: Ledger) -> None:
    file = keys.key_file(ledger.settings)
    first = file.read_bytes()
    rotation.rotate(ledger)
    both = file.read_bytes()
    file.write_bytes(first)
    fill(ledger, 1)
    for work in (seal, rotation.rotate):
        with pytest.raises(SettingsError, match="newest copy"):
            work(ledger)
    file.write_bytes(both)
    rotation.retire(ledger, early=True)
    fill(ledger, 1, start=1)
    file.write_bytes(first)
    with pytest.raises(SettingsError, match="newest copy"):
        seal(ledger)
    # With the retired key beside the new one both sign; the new one's signature counts.
    file.write_bytes(both)
    seal(ledger)
    assert found(ledger) == []


def test_a_key_that_is_lost_before_it_is_needed_can_be_retired(ledger: Ledger) -> None:
    file = keys.key_file(ledger.settings)
    first, old = file.read_bytes(), newest(ledger)
    lost = rotation.rotate(ledger).key
    file.write_bytes(first)
    assert rotation.retire(ledger, lost, early=True).key == lost
    fill(ledger, 1)
    assert signers(seal(ledger), old, lost) == {old}
    assert found(ledger) == []
    assert rotation.rotate(ledger).key not in (old, lost)


def test_a_lost_file_of_keys_is_said_and_can_be_followed_by_another_key(ledger: Ledger) -> None:
    file, old = keys.key_file(ledger.settings), newest(ledger)
    with pytest.raises(SettingsError, match="its file is gone"):
        rotation.rotate(ledger, lost=old)
    shutil.rmtree(file.parent)  # with all that the signer remembers
    for work in (rotation.rotate, rotation.retire):
        with pytest.raises(NoKey, match="put back the copy"):
            work(ledger)
    stranger = SignerKey(ORIGIN, b"s" * 32).verifier
    with pytest.raises(SettingsError, match="not signed by"):
        rotation.rotate(ledger, lost=stranger)
    assert not file.exists()
    changed = rotation.rotate(ledger, lost=old)
    assert signers(changed.sealed, old, changed.key) == {changed.key}
    # Who has the new key believes all of it, and who has the old one alone nothing that came after.
    assert found(ledger) == found(ledger, changed.key) == found(ledger, old, changed.key) == []
    assert found(ledger, old) == ["KEY_RECORD", "SIGNATURE"]
    rotation.retire(ledger)
    assert keys.load(ledger.settings).verifiers == (changed.key,)
    fill(ledger, 1)
    seal(ledger)
    assert found(ledger) == found(ledger, changed.key) == []


def test_a_lost_key_is_followed_once_however_often_it_is_interrupted(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = newest(ledger)
    keys.key_file(ledger.settings).unlink()
    with monkeypatch.context() as patched:
        patched.setattr(ledger.committer, "append", _unavailable)
        with pytest.raises(DatabaseUnavailable):
            rotation.rotate(ledger, lost=old)
    new = newest(ledger)
    assert rotation.rotate(ledger, lost=old).key == new
    assert found(ledger, old, new) == []


def test_a_running_signer_takes_the_new_key_and_drops_the_old_one(ledger: Ledger) -> None:
    old = newest(ledger)
    thread = SealingThread(sealing.sealer(ledger), ledger.log, interval=0.01)
    thread.start()
    new = rotation.rotate(ledger).key
    rotation.retire(ledger, early=True)
    fill(ledger, 5)
    thread.stop()
    assert signers(sealing.published(ledger), old, new) == {new}
    assert found(ledger, old) == []


def test_the_file_is_for_its_owner_alone_and_never_half_a_file(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    rotation.rotate(ledger)
    file = keys.key_file(ledger.settings)
    assert file.stat().st_mode & 0o777 == 0o600
    names = {each.name for each in file.parent.iterdir()}
    assert names == {"log.key", "log.key.checkpoint", "log.key.lock"}
    held = file.read_bytes()
    monkeypatch.setattr("ledger.services.durable_files.os.fsync", _disk_full)
    with pytest.raises(SettingsError, match="cannot be written"):
        keys.change(ledger.settings, keys.load(ledger.settings).without(newest(ledger)))
    assert file.read_bytes() == held
    assert {each.name for each in file.parent.iterdir()} == names


def test_a_record_that_somebody_appended_is_found_and_not_believed(database: Database, ledger: Ledger) -> None:
    old, intruder = newest(ledger), SignerKey(ORIGIN, b"i" * 32)
    statement = key_statements.rotation(old, intruder.verifier, dt.date(2025, 4, 30))
    data = KeyRotated(
        old=old.vkey,
        new=intruder.verifier.vkey,
        overlap_until=dt.date(2025, 4, 30),
        old_signature=key_statements.sign(statement, intruder),
        new_signature=key_statements.sign(statement, intruder),
    )
    rotation._record(ledger, data, "forged")
    retired = KeyRetired(key=old.vkey, by=intruder.verifier.vkey, signature=data.new_signature)
    rotation._record(ledger, retired, "forged too")
    sealed = seal(ledger)  # the log's own key goes on
    assert signers(sealed, old) == {old}
    assert found(ledger) == ["KEY_RECORD"]
    # A checkpoint of the intruder's is not believed for it.
    note = bytes(checkpoints.sign(sealed.checkpoint, intruder))
    with superuser(database) as owner:
        owner.execute("UPDATE ledger.checkpoint SET note = %s WHERE size = %s", (note, sealed.checkpoint.size))
    assert found(ledger, old) == ["KEY_RECORD", "SIGNATURE"]


# ── archives ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def exported(ledger: Ledger, folder: Path) -> Path:
    exports.export(ledger, folder, sealing.current(ledger), ALL, quiet)
    return folder


def verified(folder: Path, *given: VerifierKey) -> Verified:
    return archives.verify(folder, given, quiet)


def test_an_archive_across_rotations_says_which_key_stands_for_what(
    ledger: Ledger, new_database: NewDatabase, tmp_path: Path
) -> None:
    first = newest(ledger)
    recorded_first = ledger.log.head().next_position
    second = rotation.rotate(ledger, 0)
    retired = rotation.retire(ledger)
    third = rotation.rotate(ledger, 0)
    record_of_third = rotation.retire(ledger)
    ledger_size = seal(ledger).checkpoint.size
    folder = exported(ledger, tmp_path / "archive")
    for given in ((first,), (second.key,), (third.key,), (first, third.key)):
        known = {each.vkey: each for each in verified(folder, *given).keys}
        assert {vkey: (each.since, each.retired) for vkey, each in known.items()} == {
            first.vkey: (None, retired.position),
            second.key.vkey: (second.position, record_of_third.position),
            third.key.vkey: (third.position, None),
        }
        assert {vkey for vkey, each in known.items() if each.given} == {key.vkey for key in given}
        assert (known[first.vkey].first, known[first.vkey].last) == (recorded_first, retired.position)
        assert (known[third.key.vkey].first, known[third.key.vkey].last) == (third.position + 1, ledger_size)
    with pytest.raises(ArchiveError):
        verified(folder, SignerKey(ORIGIN, b"s" * 32).verifier)

    # Restored, it is gone on with by the newest key.
    with new_database() as other, signing(other, tmp_path) as again:
        restoring.restore(again, folder, [first], quiet)
        fill(again, 1)
        seal(again)
        assert found(again, first) == []


def test_the_first_key_alone_is_enough_until_the_end_and_a_retired_one_for_no_longer(
    ledger: Ledger, tmp_path: Path
) -> None:
    old_ring = keys.load(ledger.settings)
    old = old_ring.newest
    new = rotation.rotate(ledger, 0).key
    rotation.retire(ledger)
    fill(ledger, 2)
    folder = exported(ledger, tmp_path / "archive")
    sealed = sealing.published(ledger)
    # The old key, in wrong hands, signs on: its signature counts for nothing any more.
    forged = bytes(checkpoints.sign(sealed.checkpoint, old))
    (folder / "checkpoint").write_bytes(forged)
    for given in ((old.verifier,), (new,), (old.verifier, new)):
        with pytest.raises(ArchiveError, match="retired at position") as caught:
            verified(folder, *given)
        assert caught.value.file == "checkpoint"


def _unavailable(*_: object) -> None:
    raise DatabaseUnavailable("cut off")


def _disk_full(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")
