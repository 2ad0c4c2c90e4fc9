"""Signed notes: a text with signature lines, as C2SP signed-note has them (https://c2sp.org/signed-note, "Format").

    <text, whose last line ends in a newline>
    <an empty line>
    — <key name> <base64(key id ‖ signature)>      once or more

The text is what is signed. It may hold empty lines: the last empty line of the note is the one that ends it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.merkle import base64_text
from ledger.merkle.note_keys import KeyTextError, SignerKey, Verifier, check_name

MAX_BYTES: Final = 1_000_000
"""A longer note is not read."""

MAX_SIGNATURES: Final = 100
"""A note with more is not read; verifiers must accept 16."""

_ID_BYTES: Final = 4
_LINE: Final = re.compile("\N{EM DASH} ([^ ]+) ([A-Za-z0-9+/=]+)")
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f]")


class NoteError(ValueError):
    """A note that is malformed, or that no trusted key has signed; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: it claims that the key of this name and id signed the text. Nothing is verified yet."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, without its newline."""
        return f"\N{EM DASH} {self.name} {base64_text.encode(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, believed or not. Raises NoteError for what cannot be a note."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        if not self.text.endswith("\n"):
            reason = "the text of a note ends in a newline"
            raise NoteError(reason)
        if _CONTROLS.search(self.text):
            reason = "a note has no control characters but newlines"
            raise NoteError(reason)
        if not 1 <= len(self.signatures) <= MAX_SIGNATURES:
            reason = f"a note has 1 to {MAX_SIGNATURES} signatures, not {len(self.signatures)}"
            raise NoteError(reason)

    def __bytes__(self) -> bytes:
        return (self.text + "\n" + "".join(signature.line + "\n" for signature in self.signatures)).encode()


def sign(text: str, *keys: SignerKey) -> Note:
    """Return the text as a note, signed with each of the keys, in order. Raises NoteError for an impossible text."""
    message = text.encode()
    return Note(text, tuple(NoteSignature(key.name, key.verifier.id, key.sign(message)) for key in keys))


def parse(content: bytes) -> Note:
    """Return the note that these bytes are, to the byte: `bytes` of it gives them back. Nothing is verified.

    Raises NoteError.
    """
    if len(content) > MAX_BYTES:
        reason = f"a note of {len(content)} bytes is not read"
        raise NoteError(reason)
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        reason = f"a note is UTF-8: {error}"
        raise NoteError(reason) from error
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        reason = "a note is a text, an empty line, and signature lines"
        raise NoteError(reason)
    return Note(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))


def parse_lines(text: str) -> tuple[NoteSignature, ...]:
    """Return the signatures in these lines, each of which ends in a newline. Nothing is verified. Raises NoteError."""
    if not text.endswith("\n"):
        reason = "signature lines end in a newline"
        raise NoteError(reason)
    return tuple(_signature(line) for line in text[:-1].split("\n"))


def signed(note: Note, trusted: Sequence[Verifier]) -> tuple[tuple[Verifier, NoteSignature], ...]:
    """Return the signatures of trusted keys with these, in the note's order; none when no trusted key signed.

    Signatures of other keys are passed over. Raises NoteError when a trusted key that is said to have signed did not.
    """
    known = {(key.name, key.id): key for key in trusted}
    message = note.text.encode()
    found = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.accepts(message, signature.signature):
            reason = f"the signature of {key.name} is not over this text"
            raise NoteError(reason)
        found.append((key, signature))
    return tuple(found)


def verify(note: Note, trusted: Sequence[Verifier]) -> tuple[Verifier, ...]:
    """Return the trusted keys that signed the note: at least one.

    Raises NoteError when none did, and as `signed`.
    """
    keys = tuple(dict.fromkeys(key for key, _ in signed(note, trusted)))
    if not keys:
        names = ", ".join(f"{s.name}+{s.key_id.hex()}" for s in note.signatures)
        reason = f"none of the keys given has signed this note; it has signatures of {names}"
        raise NoteError(reason)
    return keys


def _signature(line: str) -> NoteSignature:
    match = _LINE.fullmatch(line)
    try:
        if match is None:
            reason = f"not a signature line: {line!r}"
            raise NoteError(reason)
        check_name(match[1])
        value = base64_text.decode(match[2])
    except (KeyTextError, ValueError) as error:
        reason = f"not a signature line: {error}"
        raise NoteError(reason) from error
    if len(value) <= _ID_BYTES:
        reason = f"a signature line without a signature: {line!r}"
        raise NoteError(reason)
    return NoteSignature(match[1], value[:_ID_BYTES], value[_ID_BYTES:])
