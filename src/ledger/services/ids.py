"""Event ids, UUIDv7 (RFC 9562 section 5.7), so that they sort by time; and the salts of texts."""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid

from ledger.domain.texts import SALT_BYTES


def uuid7(microseconds: int, entropy: bytes | None = None) -> str:
    """A UUIDv7 of that time (microseconds since 1970 UTC, kept to the millisecond) and ten bytes of entropy."""
    random = int.from_bytes((entropy or os.urandom(10))[:10], "big")
    value = (microseconds // 1_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def derived_uuid7(microseconds: int, *parts: str) -> str:
    """The same id for the same time and parts: importing a file gives the same entries wherever it is done."""
    return uuid7(microseconds, hashlib.sha256("\x1f".join(parts).encode()).digest())


def new_salt() -> bytes:
    """A salt that nobody can guess."""
    return os.urandom(SALT_BYTES)


def derived_salt(secret: bytes, event: str, path: str) -> bytes:
    """The same salt for the same secret and place: importing a file gives the same references wherever it is done."""
    return hmac.digest(secret, f"{event}\x1f{path}".encode(), "sha256")[:SALT_BYTES]
