"""Letting one system account through directories that are closed to it."""

from __future__ import annotations

import errno
import os
import stat
import struct
from pathlib import Path

# An access control list as the kernel takes it: a version, then entries of tag, permissions, id (posix_acl_xattr.h).
_ACL = "system.posix_acl_access"
_VERSION, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID, _SEARCH = 0xFFFFFFFF, 1


def let_through(directory: Path, uid: int) -> None:
    """`uid` may pass through `directory` and the directories above it, of which it may list none.

    An access control list (acl(5)) names that one account. On a file system without them the directory gets the search
    bit for everybody instead. Where everybody may pass already, nothing changes.
    """
    for closed in (directory, *directory.parents):
        if not closed.stat().st_mode & stat.S_IXOTH:
            _allow_search(closed, uid)


def publish(directory: Path) -> None:
    """Everything below is readable, and executable where its owner may execute it, for everybody: `chmod -R a+rX`."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            published = mode | 0o444 | (0o111 if mode & 0o100 else 0)
            if mode != published:
                path.chmod(published)


def _allow_search(directory: Path, uid: int) -> None:
    """Nobody else gains or loses anything. Inverse: `setfacl -x u:UID`."""
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
