"""Checkpoints: what a log says of itself, size and root, in the words of C2SP (https://c2sp.org/tlog-checkpoint).

    <origin>
    <size, decimal>
    <base64 of the root>

Signed as a note, by a key whose name is the origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.merkle import base64_text, notes
from ledger.merkle.hashing import EMPTY_ROOT, HASH_SIZE
from ledger.merkle.note_keys import SignerKey, VerifierKey
from ledger.merkle.notes import Note, NoteError

MAX_SIZE: Final = 2**63 - 1

_TEXT: Final = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/=]{44})\n((?:[^\n]+\n)*)")


class CheckpointError(ValueError):
    """A note that is not a checkpoint, or not one of this log; the text says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The claim that the log `origin` has the tree of `size` leaves with this root.

    `extensions` are further lines, which nothing here interprets. Raises CheckpointError for impossible ones.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            reason = f"a checkpoint's size is 0 to 2^63-1, not {self.size}"
            raise CheckpointError(reason)
        if len(self.root) != HASH_SIZE:
            reason = f"a checkpoint's root is {HASH_SIZE} bytes, not {len(self.root)}"
            raise CheckpointError(reason)
        if self.size == 0 and self.root != EMPTY_ROOT:
            reason = "a checkpoint of an empty log has the root of the empty tree"
            raise CheckpointError(reason)
        if any(not line or "\n" in line for line in (self.origin, *self.extensions)):
            reason = "the lines of a checkpoint are not empty"
            raise CheckpointError(reason)

    @property
    def text(self) -> str:
        """What is signed; the inverse is `parse_text`."""
        lines = (self.origin, str(self.size), base64_text.encode(self.root), *self.extensions)
        return "".join(line + "\n" for line in lines)


def parse_text(text: str) -> Checkpoint:
    """Return the checkpoint whose `text` is exactly this. Raises CheckpointError."""
    match = _TEXT.fullmatch(text)
    if match is None:
        reason = "the text is not an origin, a decimal size and a root, a line each"
        raise CheckpointError(reason)
    try:
        root = base64_text.decode(match[3])
    except ValueError as error:
        reason = f"the root is {error}"
        raise CheckpointError(reason) from error
    return Checkpoint(match[1], int(match[2]), root, tuple(match[4].split("\n")[:-1]))


def sign(checkpoint: Checkpoint, *keys: SignerKey) -> Note:
    """Return the checkpoint as a note signed by the log, with each of the keys: while one follows another, with both.

    Raises CheckpointError for a key of another name.
    """
    for key in keys:
        _check_origin(checkpoint, key.name)
    return notes.sign(checkpoint.text, *keys)


def read(content: bytes, trusted: Sequence[VerifierKey]) -> Checkpoint:
    """Return the checkpoint in these bytes, signed by one of the keys whose name is its origin.

    Raises NoteError when the note is malformed or not so signed, and CheckpointError when it is no checkpoint.
    """
    note = notes.parse(content)
    signers = notes.verify(note, trusted)
    checkpoint = parse_text(note.text)
    if checkpoint.origin not in {key.name for key in signers}:
        reason = f"a checkpoint of {checkpoint.origin} is signed by {', '.join(key.name for key in signers)} only"
        raise NoteError(reason)
    return checkpoint


def read_unverified(content: bytes) -> Checkpoint:
    """Return the checkpoint in these bytes, whoever signed it. Raises NoteError or CheckpointError."""
    return parse_text(notes.parse(content).text)


def _check_origin(checkpoint: Checkpoint, name: str) -> None:
    if checkpoint.origin != name:
        reason = f"the log {checkpoint.origin} does not sign with a key named {name}"
        raise CheckpointError(reason)
