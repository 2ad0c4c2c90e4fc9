"""Proofs to hand out: that the log holds an entry, and that it only grew."""

from __future__ import annotations

from typing import Any

from ledger.errors import BadQuery, NotFound
from ledger.merkle import base64_text
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.proof_files import ProofFile
from ledger.services import sealing
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed


def inclusion_file(ledger: Ledger, position: int, sealed: Sealed) -> ProofFile:
    """A C2SP tlog-proof that the log of that checkpoint has its entry at the position; the entry itself is its extra.

    Raises `NotFound` when the checkpoint does not cover the position.
    """
    entry = _entry(ledger, position, sealed.checkpoint.size)
    proof = ledger.tiles.inclusion(position, sealed.checkpoint.size)
    return ProofFile(position, proof.hashes, sealed.cosigned, entry)


def inclusion(ledger: Ledger, position: int, size: int | None) -> dict[str, Any]:
    """The proof that the tree over the first `size` entries has its entry at the position, hashes in base 64.

    By default the tree of the newest published checkpoint. `checkpoint` is the note published at that size, or None.
    Raises `NotFound` or `BadQuery`.
    """
    size = sealing.published(ledger).checkpoint.size if size is None else _size(ledger, "size", size)
    entry = _entry(ledger, position, size)
    return {
        "position": position,
        "size": size,
        "leaf": base64_text.encode(leaf_hash(entry)),
        "root": base64_text.encode(ledger.tiles.root(size)),
        "hashes": [base64_text.encode(each) for each in ledger.tiles.inclusion(position, size).hashes],
        "checkpoint": _note(ledger, size),
    }


def consistency(ledger: Ledger, old: int, new: int) -> dict[str, Any]:
    """The proof that the tree over the first `new` entries begins with that over the first `old`, hashes in base 64.

    Raises `BadQuery` unless 0 < old <= new and the log holds that many entries.
    """
    new = _size(ledger, "new", new)
    if not 0 < old <= new:
        raise BadQuery("old", f"{old} is not from 1 to {new}")
    return {
        "old": old,
        "new": new,
        "old_root": base64_text.encode(ledger.tiles.root(old)),
        "new_root": base64_text.encode(ledger.tiles.root(new)),
        "hashes": [base64_text.encode(each) for each in ledger.tiles.consistency(old, new).hashes],
        "old_checkpoint": _note(ledger, old),
        "new_checkpoint": _note(ledger, new),
    }


def _size(ledger: Ledger, field: str, size: int) -> int:
    held = ledger.log.head().next_position
    if size > held:
        raise BadQuery(field, f"the log has {held} entries, not {size}")
    return size


def _entry(ledger: Ledger, position: int, size: int) -> bytes:
    if not 0 <= position < size:
        raise NotFound("record", f"at position {position} among the first {size}")
    rows = ledger.log.entries(position, position + 1)
    if not rows:
        raise NotFound("record", f"at position {position}")
    return rows[0][1]


def _note(ledger: Ledger, size: int) -> str | None:
    try:
        return sealing.published(ledger, size).cosigned.decode()
    except NotFound:
        return None
