"""Event ids, UUIDv7 (RFC 9562 section 5.7), so that they sort by time; and the salts of texts."""

from __future__ import annotations

import hashlib
import hmac
import os
import threading

from ledger.domain.texts import SALT_BYTES

_POOL = 4_096


class _Entropy:
    """Bytes of the system's generator, fetched many at a time: each call of it lets all other threads go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """So many bytes that nobody was given before, nor in a process forked off."""
        with self._lock:
            if self._at + count > len(self._pool):
                self._pool, self._at = os.urandom(_POOL), 0
            self._at += count
            return self._pool[self._at - count : self._at]


_entropy = _Entropy()
os.register_at_fork(after_in_child=_entropy.__init__)  # type: ignore[misc]  # it begins anew, with a lock of its own


def uuid7(microseconds: int, entropy: bytes | None = None) -> str:
    """A UUIDv7 of that time (microseconds since 1970 UTC, kept to the millisecond) and ten bytes of entropy."""
    random = int.from_bytes((entropy or _entropy.take(10))[:10], "big")
    value = (microseconds // 1_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derived_uuid7(microseconds: int, *parts: str) -> str:
    """The same id for the same time and parts: importing a file gives the same entries wherever it is done."""
    return uuid7(microseconds, hashlib.sha256("\x1f".join(parts).encode()).digest())


def new_salt() -> bytes:
    """A salt that nobody can guess."""
    return _entropy.take(SALT_BYTES)


def derived_salt(secret: bytes, event: str, path: str) -> bytes:
    """The same salt for the same secret and place: importing a file gives the same references wherever it is done."""
    return hmac.digest(secret, f"{event}\x1f{path}".encode(), "sha256")[:SALT_BYTES]
