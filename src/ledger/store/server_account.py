"""As which system account the embedded server runs, and how that account gets to its files.

PostgreSQL refuses to run as root. A plain user's server runs as that user. Root's runs as the account that owns the
cluster already, or else as the system account `ledger-postgres`, which is made with useradd(8) when first needed.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ledger.errors import EmbeddedServerError

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

    def reach(self, path: Path, program: Path) -> None:
        """This account can get to the directory `path` and run `program`.

        Where it could not, as below a home directory of mode 0700, it is let through the directories above: an
        access control list names this one account, which may then pass through but not list them (acl(5)). A file
        system without such lists gets the search bit for everybody (`chmod o+x`) instead. No directory is opened
        further than that.
        """
        if not self.is_another:
            return
        if not self._succeeds("/bin/sh", "-c", 'test -x "$0"', str(path)):
            _let_through(path, self.uid)
        if not self._succeeds(str(program), "--version"):
            _let_through(program.parent, self.uid)
            if not self._succeeds(str(program), "--version"):  # installed under a umask that hid the files themselves
                _publish(program.parent.parent)

    def _succeeds(self, *command: str) -> bool:
        try:
            finished = subprocess.run(command, cwd="/", capture_output=True, check=False, **self.run_as())
        except OSError:  # the program itself is out of the account's reach
            return False
        return finished.returncode == 0


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


def _let_through(path: Path, uid: int) -> None:
    for directory in (path, *path.parents):
        if not directory.stat().st_mode & stat.S_IXOTH:
            _allow_search(directory, uid)


# An access control list as the kernel takes it: a version, then entries of tag, permissions, id (posix_acl_xattr.h).
_ACL = "system.posix_acl_access"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID, _SEARCH = 0xFFFFFFFF, 1


def _allow_search(directory: Path, uid: int) -> None:
    """`uid` may pass through `directory`; nobody gains or loses anything else. Inverse: `setfacl -x u:UID`."""
    mode = directory.stat().st_mode
    try:
        entries = {(tag, who): may for tag, may, who in _ENTRY.iter_unpack(os.getxattr(directory, _ACL)[4:])}
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        entries = {(_USER_OBJ, _NO_ID): mode >> 6 & 7, (_GROUP_OBJ, _NO_ID): mode >> 3 & 7, (_OTHER, _NO_ID): mode & 7}
    before = entries.get((_MASK, _NO_ID), 7)
    for key in entries:  # the mask is about to admit more: what it held back stays held back
        if key[0] in (_USER, _GROUP_OBJ, _GROUP):
            entries[key] &= before
    entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
    entries[_MASK, _NO_ID] = 0
    for (tag, _), may in entries.items():
        if tag in (_USER, _GROUP_OBJ, _GROUP):
            entries[_MASK, _NO_ID] |= may
    packed = b"".join(_ENTRY.pack(tag, may, who) for (tag, who), may in sorted(entries.items()))
    try:
        os.setxattr(directory, _ACL, _VERSION.pack(2) + packed)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _publish(directory: Path) -> None:
    """Everything below is readable, and executable where its owner may execute it, for everybody (`chmod -R a+rX`)."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
