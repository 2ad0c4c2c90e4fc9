"""What letting an account through a directory opens, and what it leaves closed."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from ledger.store.search_right import let_through, publish

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")


def may(uid: int, *command: str) -> bool:
    ended = subprocess.run(command, user=uid, group=uid, extra_groups=[], cwd="/", capture_output=True, check=False)
    return ended.returncode == 0


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A readable file in a directory of mode 0700."""
    directory = tmp_path / "closed"
    directory.mkdir(mode=0o700)
    (directory / "file").write_text("text")
    (directory / "file").chmod(0o644)
    return directory


@as_root
def test_the_account_passes_and_does_not_list(closed: Path) -> None:
    assert not may(NOBODY, "cat", str(closed / "file"))
    let_through(closed, NOBODY)
    assert may(NOBODY, "cat", str(closed / "file"))
    assert not may(NOBODY, "ls", str(closed))


@as_root
def test_other_accounts_stay_out(closed: Path) -> None:
    let_through(closed, NOBODY)
    assert not may(NOBODY - 1, "cat", str(closed / "file"))


@as_root
def test_a_second_account_takes_nothing_from_the_first(closed: Path) -> None:
    let_through(closed, NOBODY)
    let_through(closed, NOBODY - 1)
    assert may(NOBODY, "cat", str(closed / "file"))
    assert may(NOBODY - 1, "cat", str(closed / "file"))


def test_a_directory_that_is_open_to_all_is_not_touched(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed.chmod(0o711)
    monkeypatch.setattr(Path, "parents", [])
    let_through(closed, NOBODY)
    assert os.listxattr(closed) == []


def test_without_access_control_lists_everybody_may_pass(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", unsupported)
    monkeypatch.setattr(Path, "parents", [])
    let_through(closed, NOBODY)
    assert closed.stat().st_mode & 0o777 == 0o701


def test_published_files_keep_what_their_owner_may(tmp_path: Path) -> None:
    program, data = tmp_path / "lib" / "program", tmp_path / "lib" / "data"
    program.parent.mkdir(mode=0o700)
    for path, mode in ((program, 0o700), (data, 0o600)):
        path.touch()
        path.chmod(mode)
    publish(program.parent)
    assert [path.stat().st_mode & 0o777 for path in (program.parent, program, data)] == [0o755, 0o755, 0o644]
