"""What a log asks of a witness, as C2SP tlog-witness writes it (https://c2sp.org/tlog-witness, "add-checkpoint").

old <size, decimal>
<base64 of a hash>           for each hash of the consistency proof, at most 63
<an empty line>
<the checkpoint, a signed note, as it is>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger.merkle import base64_text
from ledger.merkle.hashing import EMPTY_ROOT
from ledger.merkle.proofs import ConsistencyProof, ProofError, verify_consistency

MAX_BYTES: Final = 64 * 1024
"""A longer request is not read: room for all the hashes, and for a note of some hundred signatures."""

SIZE_MEDIA_TYPE: Final = "text/x.tlog.size"
"""Of the answer that says from which size the witness wants the proof."""

_FORM: Final = re.compile(r"old (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n(.+)", re.DOTALL)


class RequestError(ValueError):
    """Bytes that are no such request; the text says why."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A checkpoint to be cosigned, and the proof that its tree begins with the one of `old_size`."""

    old_size: int
    hashes: tuple[bytes, ...]
    note: bytes

    def __bytes__(self) -> bytes:
        lines = (f"old {self.old_size}", *map(base64_text.encode, self.hashes), "")
        return "".join(line + "\n" for line in lines).encode() + self.note

    def verify(self, old_root: bytes, size: int, root: bytes) -> None:
        """Return only if the tree of that size and root begins with that of `old_size` and root.

        Every tree begins with the empty one, without a proof. Raises ProofError.
        """
        if self.old_size:
            verify_consistency(ConsistencyProof(self.old_size, size, self.hashes), old_root, root)
        elif self.hashes or old_root != EMPTY_ROOT:
            reason = "from the empty tree on there is nothing to prove"
            raise ProofError(reason)


def parse(content: bytes) -> AddCheckpoint:
    """Return the request that these bytes are, to the byte. Nothing is verified. Raises RequestError."""
    if len(content) > MAX_BYTES:
        reason = f"a request of {len(content)} bytes is not read"
        raise RequestError(reason)
    try:
        match = _FORM.fullmatch(content.decode())
        if match is None:
            reason = "not an old size, the hashes of a proof, an empty line and a checkpoint"
            raise RequestError(reason)
        hashes = tuple(base64_text.decode(line) for line in match[2].split("\n")[:-1])
    except RequestError:
        raise
    except ValueError as error:
        reason = f"not a request: {error}"
        raise RequestError(reason) from error
    return AddCheckpoint(int(match[1]), hashes, match[3].encode())
