"""A proof that the log holds an entry, as one file: C2SP tlog-proof (https://c2sp.org/tlog-proof).

    c2sp.org/tlog-proof@v1
    extra <base64>               optional, and vouched for by nothing
    index <position, decimal>
    <base64 of a hash>           for each hash of the inclusion proof, from the leaf's sibling up
    <an empty line>
    <the checkpoint, a signed note, as it is>

Such a file needs no log and no server to be verified: only the entry, and the log's key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.merkle import base64_text, checkpoints
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.proofs import InclusionProof, ProofError, verify_inclusion

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_FORM: Final = re.compile(
    _HEADER.replace(".", r"\.")
    + r"\n(?:extra ([A-Za-z0-9+/=]*)\n)?index (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n(.+)",
    re.DOTALL,
)


class ProofFileError(ValueError):
    """Bytes that are not a proof file; the text says why."""


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A position, the hashes that lead from its leaf to a root, and the signed note that has this root."""

    position: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes | None = None

    def __bytes__(self) -> bytes:
        extra = () if self.extra is None else (f"extra {base64_text.encode(self.extra)}",)
        lines = (_HEADER, *extra, f"index {self.position}", *map(base64_text.encode, self.hashes), "")
        return "".join(line + "\n" for line in lines).encode() + self.note


def parse(content: bytes) -> ProofFile:
    """Return the proof file that these bytes are, to the byte. Nothing is verified. Raises ProofFileError."""
    try:
        match = _FORM.fullmatch(content.decode())
        if match is None:
            reason = f"not a file of the form {_HEADER}"
            raise ProofFileError(reason)
        extra, position, hashes, note = match.groups()
        return ProofFile(
            int(position),
            tuple(base64_text.decode(line) for line in hashes.split("\n")[:-1]),
            note.encode(),
            None if extra is None else base64_text.decode(extra),
        )
    except ProofFileError:
        raise
    except ValueError as error:
        reason = f"not a proof file: {error}"
        raise ProofFileError(reason) from error


def verify(proof: ProofFile, leaf: bytes, trusted: Sequence[VerifierKey]) -> Checkpoint:
    """Return the checkpoint, only if a trusted key of its log signed it and its tree has this leaf at the position.

    Raises NoteError, CheckpointError or ProofError.
    """
    checkpoint = checkpoints.read(proof.note, trusted)
    if proof.position >= checkpoint.size:
        reason = f"a checkpoint of size {checkpoint.size} says nothing of position {proof.position}"
        raise ProofError(reason)
    verify_inclusion(InclusionProof(proof.position, checkpoint.size, proof.hashes), leaf, checkpoint.root)
    return checkpoint
