"""Verifying an archive: made by the definition it is accepted, and with any byte changed it is not."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from tests.integrity import made_archives
from tests.integrity.made_archives import KEY, make
from tests.merkle.reference import flip
from tests.support.effort import EFFORT

from ledger import processes
from ledger.errors import WorkerStopped
from ledger.merkle import checkpoints, notes
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.note_keys import SignerKey
from ledger.services.archive import verification
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.verification import Verified

POWERS = sorted({max(1 << exponent, 1) + by for exponent in range(18) for by in (-1, 0, 1)})
"""Around every power of 2 up to 2^17."""


def verify(folder: Path, workers: int = 0) -> Verified:
    return verification.verify(folder, [KEY.verifier], lambda _done, _total: None, workers=workers)


def wrong(folder: Path, workers: int = 0) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        verify(folder, workers)
    return caught.value


@pytest.mark.parametrize("size", POWERS)
def test_an_archive_by_the_definition_is_accepted_and_a_changed_byte_is_not(tmp_path: Path, size: int) -> None:
    chance = random.Random(size)
    past = sorted({chance.randrange(size) for _ in range(3)} | {max(size - 1, 0)} - {size}) if size else []
    make(tmp_path, size, past)
    verified = verify(tmp_path)
    assert (verified.newest.size, verified.newest.root) == (size, made_archives.root(0, size))
    assert verified.past == len(past)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    # Every kind of file, and of its bytes one at random; verifying a large archive anew takes a while.
    by_kind = {
        kind: [path for path in files if f"/{kind}" in str(path)] for kind in ("tile/0", "tile/1", "tile/e", "ch")
    }
    for paths in filter(None, by_kind.values()):
        for _ in range(EFFORT * (1 if size > 5_000 else 8)):
            path = chance.choice(paths)
            held = path.read_bytes()
            path.write_bytes(flip(held, chance.randrange(8 * len(held))))
            wrong(tmp_path)
            path.write_bytes(held)
    verify(tmp_path)


@pytest.mark.parametrize(("size", "past"), [(1, [0]), (3, [1, 2]), (6, [4])])
def test_each_byte_of_each_file_counts(tmp_path: Path, size: int, past: list[int]) -> None:
    make(tmp_path, size, past)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        held = path.read_bytes()
        chance = random.Random(len(held))
        bits = range(8 * len(held)) if EFFORT > 1 else [8 * byte + chance.randrange(8) for byte in range(len(held))]
        changes = [flip(held, bit) for bit in bits]
        changes += [held[:n] + held[n + 1 :] for n in range(len(held))] + [held + b"\n", held + b"\0", b""]
        for changed in changes:
            path.write_bytes(changed)
            wrong(tmp_path)
        path.unlink()
        # An archive need not have been kept at every checkpoint; all else must be there.
        if not path.is_relative_to(tmp_path / "checkpoints"):
            wrong(tmp_path)
        path.write_bytes(held)
    verify(tmp_path)


def test_the_first_wrong_position_or_file_is_named(tmp_path: Path) -> None:
    make(tmp_path, 70_000, [600, 69_999])

    def changed(path: str, at: int) -> ArchiveError:
        held = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(flip(held, 8 * at))
        error = wrong(tmp_path)
        (tmp_path / path).write_bytes(held)
        return error

    error = changed("tile/entries/003", 5 * (2 + len(b"entry 768")) + 4)
    assert (error.file, error.position) == ("tile/entries/003", 773)
    assert changed("tile/0/003", 32 * 7).position == 775
    error = changed("tile/1/000", 32 * 9)
    assert (error.file, error.position) == ("tile/1/000", None)
    assert "hash 9 is not the root of tile/0/009" in str(error)
    assert changed("checkpoint", 20).file == "checkpoint"
    assert changed("checkpoints/600", 20).file == "checkpoints/600"
    assert changed("tile/0/273.p/111", 40).file == "tile/entries/273.p/111"
    assert changed("tile/2/000.p/1", 3).file == "tile/2/000.p/1"


def test_entries_and_tiles_changed_together_contradict_the_signature(tmp_path: Path) -> None:
    make(tmp_path, 700, [300, 500])
    other = made_archives.entry
    try:
        made_archives.entry = lambda n: b"forged" if n == 400 else other(n)  # type: ignore[assignment]
        made_archives.root.cache_clear()
        make(tmp_path / "forged", 700, [300, 500])
    finally:
        made_archives.entry = other
        made_archives.root.cache_clear()
    shutil.copytree(tmp_path / "forged" / "tile", tmp_path / "tile", dirs_exist_ok=True)
    error = wrong(tmp_path)
    # 300 entries are as they were signed, and 500 are not.
    assert error.file == "checkpoints/500"


def test_a_checkpoint_of_another_key_origin_or_size_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 5, [3])
    path = tmp_path / "checkpoints" / "003"
    stranger = SignerKey(KEY.name, b"x" * 32)
    path.write_bytes(bytes(notes.sign(notes.parse(path.read_bytes()).text, stranger)))
    assert wrong(tmp_path).file == "checkpoints/003"
    path.write_bytes(made_archives.note(4))
    assert "over 4 entries" in str(wrong(tmp_path))
    other = SignerKey("example.org/other", b"k" * 32)
    path.write_bytes(bytes(checkpoints.sign(Checkpoint(other.name, 3, made_archives.root(0, 3)), other)))
    with pytest.raises(ArchiveError, match=r"example\.org/other"):
        verification.verify(tmp_path, [KEY.verifier, other.verifier], lambda _done, _total: None)
    path.rename(path.with_name("3"))
    assert "not the name of a checkpoint" in str(wrong(tmp_path))


def test_what_lies_beyond_the_newest_checkpoint_is_passed_over(tmp_path: Path) -> None:
    make(tmp_path, 600)
    (tmp_path / "checkpoint").write_bytes(made_archives.note(300))
    make(tmp_path / "old", 300)
    shutil.copytree(tmp_path / "old" / "tile", tmp_path / "tile", dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "old")
    (tmp_path / "tile" / "0" / "009").write_bytes(b"of an export that was killed")
    assert verify(tmp_path).newest.size == 300


def test_workers_find_what_one_process_finds(tmp_path: Path) -> None:
    make(tmp_path, 1_000, [300, 700])
    assert verify(tmp_path, workers=3) == verify(tmp_path)
    for path in ("tile/entries/002", "tile/0/001", "tile/0/003.p/232", "tile/1/000.p/3", "checkpoints/700"):
        held = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(flip(held, 8 * (len(held) // 2)))
        here, there = wrong(tmp_path), wrong(tmp_path, workers=3)
        assert (there.file, there.position, there.reason) == (here.file, here.position, here.reason)
        (tmp_path / path).write_bytes(held)


def test_a_worker_that_is_gone_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, 1_000)
    monkeypatch.setattr(processes.sys, "executable", "/bin/false")
    with pytest.raises(WorkerStopped, match=r"ended with exit code 1: run the command again"):
        verify(tmp_path, workers=2)
