"""As which system account the embedded server runs, and how that account gets to its files.

PostgreSQL refuses to run as root. A plain user's server runs as that user. Root's runs as the account that owns the
cluster already, or else as the system account `ledger-postgres`, which is made with useradd(8) when first needed.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ledger.errors import EmbeddedServerError
from ledger.store.search_right import let_through, publish

SYSTEM_ACCOUNT = "ledger-postgres"
_INSTEAD = "Run this as a plain user, or set LEDGER_DATABASE_URL to a PostgreSQL server of your own."


class RunAs(TypedDict, total=False):
    """Arguments for `subprocess` that make the child run as an account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account of the server: this process's own, or another one when root starts it."""

    uid: int
    gid: int
    is_another: bool

    def run_as(self) -> RunAs:
        """What `subprocess` needs so that the child is this account and has none of root's groups."""
        return RunAs(user=self.uid, group=self.gid, extra_groups=[]) if self.is_another else RunAs()

    def take(self, made: Path | int) -> None:
        """The file or directory, a path or a descriptor, belongs to this account.

        Only for what this process has just made: root would give away what somebody else put there.
        """
        if not self.is_another:
            return
        if isinstance(made, int):
            os.fchown(made, self.uid, self.gid)
        else:
            os.chown(made, self.uid, self.gid, follow_symlinks=False)

    def reach(self, data_dir: Path, *programs: Path) -> None:
        """This account can get to all these directories, and read what is in those of `programs`.

        Where it could not get there, as below a home directory of mode 0700, it alone is let through the directories
        above (`let_through`); files of `programs` that a umask hid are published. Nothing is opened further.
        """
        if not self.is_another:
            return
        for directory in programs:
            publish(directory)
        for directory in (data_dir, *programs):
            if not self._can_enter(directory):
                let_through(directory, self.uid)

    def _can_enter(self, directory: Path) -> bool:
        test = ["/bin/sh", "-c", 'test -x "$0"', str(directory)]
        return subprocess.run(test, cwd="/", capture_output=True, check=False, **self.run_as()).returncode == 0


def account_for(*directories: Path) -> ServerAccount:
    """The account that the server runs as: the owner of the first of its directories that exists, if one does.

    Raises EmbeddedServerError when that account has no name, or is not for this process to use.
    """
    me = os.geteuid()
    directory = next((directory for directory in directories if directory.exists()), None)
    owner = directory.stat().st_uid if directory else None
    if me != 0:
        if owner not in (None, me):
            raise EmbeddedServerError(
                f"{directory} belongs to {_name(owner)}, and this process runs as {_name(me)}. "
                "Run it as that user, or choose another directory with LEDGER_DATA_DIR."
            )
        entry, is_another = _entry(me), False
    else:
        entry, is_another = _entry(owner) if owner else _system_account(), True
    return ServerAccount(entry.pw_uid, entry.pw_gid, is_another)


def own_directory(directory: Path, account: ServerAccount) -> None:
    """The directory is there, belongs to the account, and is open to nobody else.

    Raises EmbeddedServerError when there is something else under that name: in /tmp anybody may put it there.
    """
    if not os.path.lexists(directory):
        made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))  # of mode 0700
        account.take(made)
        try:
            made.rename(directory)
        except OSError:  # another process was quicker
            made.rmdir()
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{directory} must be a directory of mode 0700 that belongs to {_name(account.uid)}, and is not. "
            "Remove it, or choose another directory with LEDGER_DATA_DIR."
        )


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"user number {uid}"


def _entry(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedServerError(
            f"the embedded PostgreSQL server cannot run as user number {uid}, which has no name on this machine. "
            f"Add that user to /etc/passwd. {_INSTEAD}"
        ) from None


def _system_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
               "--shell", "/usr/sbin/nologin", SYSTEM_ACCOUNT]  # fmt: skip
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": path, "LC_ALL": "C"})
        reason = made.stderr.strip()
    except OSError as error:
        reason = str(error)
    try:
        return pwd.getpwnam(SYSTEM_ACCOUNT)  # perhaps another process was quicker, and useradd failed for that
    except KeyError:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and the system account {SYSTEM_ACCOUNT} could not be made: {reason}. "
            f"{_INSTEAD}"
        ) from None
