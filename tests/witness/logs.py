"""Logs that are honest up to a point and say two things from there on, by the definition of the tree."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from ledger.merkle import checkpoints
from ledger.merkle.add_checkpoint import AddCheckpoint
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.note_keys import SignerKey
from ledger.merkle.proofs import prove_consistency

KEY = SignerKey("example.org/watched", b"w" * 32)
NEXT_KEY = SignerKey(KEY.name, b"n" * 32)
STRANGER = SignerKey("example.org/stranger", b"s" * 32)
FORKED_AT = 5
"""How many entries the two histories have in common."""


@cache
def root(history: int, start: int, end: int) -> bytes:
    """MTH(D[start:end]) of RFC 6962, section 2.1, in the history of that number."""
    size = end - start
    if size == 0:
        return sha256(b"").digest()
    if size == 1:
        entry = b"entry %d" % start if start < FORKED_AT else b"entry %d of %d" % (start, history)
        return sha256(b"\x00" + entry).digest()
    k = 1 << (size - 1).bit_length() - 1
    return sha256(b"\x01" + root(history, start, start + k) + root(history, start + k, end)).digest()


def note(size: int, history: int = 0, *keys: SignerKey) -> bytes:
    """The signed checkpoint of that size."""
    signers = keys or (KEY,)
    return bytes(checkpoints.sign(Checkpoint(signers[0].name, size, root(history, 0, size)), *signers))


def request(old: int, size: int, history: int = 0, proof_of: int | None = None) -> bytes:
    """A request with the true proof in that history, or in another one."""
    proven = history if proof_of is None else proof_of
    hashes = prove_consistency(old, size, lambda start, end: root(proven, start, end)).hashes if 0 < old <= size else ()
    return bytes(AddCheckpoint(old, hashes, note(size, history)))
