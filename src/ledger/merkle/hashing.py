"""The three hashes that a tree is made of: RFC 6962, section 2.1 (the same in RFC 9162, section 2.1.1)."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

HASH_SIZE: Final = 32
"""Bytes in every hash of the tree (SHA-256)."""

EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a tree without entries: MTH({}) = SHA-256()."""

# The prefixes keep the two kinds apart: no entry can be made whose leaf hash is that of an inner node.
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry), 32 bytes, for the exact bytes of the entry; an entry may be empty."""
    return sha256(_LEAF + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> bytes:
    """The `leaf_hash` of each entry, joined."""
    return b"".join([sha256(_LEAF + entry).digest() for entry in entries])


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right), 32 bytes; both children are 32-byte hashes, and their order counts."""
    return sha256(_NODE + left + right).digest()


def run_root(hashes: bytes) -> bytes:
    """The root of the complete tree over 2^n hashes, joined: one hash for each but the first."""
    width = 2 * HASH_SIZE
    while len(hashes) > HASH_SIZE:
        hashes = b"".join([sha256(_NODE + hashes[at : at + width]).digest() for at in range(0, len(hashes), width)])
    return hashes
