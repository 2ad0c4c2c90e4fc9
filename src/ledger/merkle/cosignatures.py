"""Cosignatures: a witness's word that a checkpoint continues all that it has seen of a log.

C2SP tlog-cosignature (https://c2sp.org/tlog-cosignature), the Ed25519 kind. Under a checkpoint, as a line of the note:

    — <witness name> <base64(key id ‖ time ‖ signature)>        time: seconds since 1970, 8 bytes, big-endian

The signature is over the lines `cosignature/v1` and `time <decimal>`, followed by the text of the note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.merkle import notes
from ledger.merkle.note_keys import (
    COSIGNATURE,
    SIGNATURE_BYTES,
    SignerKey,
    VerifierKey,
    ed25519_accepts,
    parse_skey_of,
    parse_vkey_of,
)
from ledger.merkle.notes import Note, NoteError, NoteSignature

MAX_TIME: Final = 2**63 - 1
_TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class WitnessKey(VerifierKey):
    """Whose cosignature is believed."""

    type: ClassVar[int] = COSIGNATURE

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether these bytes, time and signature, are this witness's over the message."""
        if len(signature) != _TIME_BYTES + SIGNATURE_BYTES:
            return False
        time = int.from_bytes(signature[:_TIME_BYTES], "big")
        if time > MAX_TIME:
            return False
        return ed25519_accepts(self.public_key, _signed_bytes(message, time), signature[_TIME_BYTES:])


@dataclass(frozen=True, slots=True)
class WitnessSigner(SignerKey):
    """What a witness cosigns with. One seed serves one name only: the name is not part of what is signed."""

    type: ClassVar[int] = COSIGNATURE

    @property
    def verifier(self) -> WitnessKey:
        """The key that its cosignatures are verified with."""
        return WitnessKey(self.name, self.public_key)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature that was verified: `time` is the witness's clock, in seconds since 1970."""

    key: WitnessKey
    time: int
    line: str
    """The signature line, without its newline."""


def cosign(text: str, signer: WitnessSigner, time: int) -> NoteSignature:
    """Return the witness's signature under the text of a checkpoint. Whether it may be given is for the caller."""
    if not 0 <= time <= MAX_TIME:
        reason = f"the time of a cosignature is 0 to 2^63-1, not {time}"
        raise ValueError(reason)
    signature = signer.sign(_signed_bytes(text.encode(), time))
    return NoteSignature(signer.name, signer.verifier.id, time.to_bytes(_TIME_BYTES, "big") + signature)


def of(note: Note, trusted: Sequence[WitnessKey]) -> tuple[Cosignature, ...]:
    """Return the cosignatures of trusted witnesses under the note, one a witness, the newest.

    Lines of other keys are passed over. Raises NoteError when one that a trusted witness is said to have given is not
    over this text.
    """
    found: dict[WitnessKey, Cosignature] = {}
    for key, signature in notes.signed(note, trusted):
        time = time_of(signature.line)
        if key not in found or time > found[key].time:
            found[key] = Cosignature(key, time, signature.line)
    return tuple(found.values())


def has_form(signature: NoteSignature) -> bool:
    """Whether it is as long as a cosignature is; whose it is, and whether it is true, is not looked at."""
    return len(signature.signature) == _TIME_BYTES + SIGNATURE_BYTES


def time_of(line: str) -> int:
    """Return the time in a cosignature's line, in seconds since 1970; whether it is true is not looked at.

    Raises NoteError for a line that is no cosignature.
    """
    (signature,) = notes.parse_lines(line + "\n")
    if not has_form(signature):
        reason = f"not a cosignature: {line!r}"
        raise NoteError(reason)
    return int.from_bytes(signature.signature[:_TIME_BYTES], "big")


def parse_witness_vkey(text: str) -> WitnessKey:
    """Return the witness's key whose `vkey` is exactly this. Raises KeyTextError, also for keys of other types."""
    return parse_vkey_of(WitnessKey, text)


def parse_witness_skey(text: str) -> WitnessSigner:
    """Return the witness's key whose `skey` is exactly this. Raises KeyTextError, which does not repeat the text."""
    return parse_skey_of(WitnessSigner, text)


def _signed_bytes(message: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (time, message)
