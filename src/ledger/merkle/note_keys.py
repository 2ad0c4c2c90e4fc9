"""The keys of signed notes: Ed25519 under a name, as C2SP signed-note spells them (https://c2sp.org/signed-note).

    key id = SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]
    vkey   = <name>+<key id in hexadecimal>+<base64(type ‖ public key)>
    skey   = PRIVATE+KEY+<name>+<key id in hexadecimal>+<base64(type ‖ seed)>

The type is 0x01 for a log's own signatures; `merkle.cosignatures` has the keys of witnesses. The last line is not in
the text, but what golang.org/x/mod/sumdb/note writes, so that its tools can sign with the key too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Final, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.merkle import base64_text

ED25519: Final = 0x01
"""The signature type of a log's own signatures."""

COSIGNATURE: Final = 0x04
"""The signature type of a witness's timestamped Ed25519 cosignatures."""

_TYPES: Final = {ED25519: "a log's Ed25519 key, 0x01,", COSIGNATURE: "a witness's Ed25519 key, 0x04,"}

KEY_BYTES: Final = 32
"""The length of a public key, and of the seed of a private one (RFC 8032, section 5.1.5)."""

SIGNATURE_BYTES: Final = 64

_PRIVATE: Final = "PRIVATE+KEY+"
_FORM: Final = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")


class KeyTextError(ValueError):
    """A text that is no key of this kind, or a name that no key can have; it never holds a private key."""


def check_name(name: str) -> None:
    """Return only if a key can have this name: not empty, no space of any kind, no plus, no control character."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        reason = f"a key's name is not empty and has neither spaces nor a plus sign: {name!r}"
        raise KeyTextError(reason)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        reason = f"a key's name is UTF-8: {name!r}"
        raise KeyTextError(reason) from error


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signature is believed: a name with an Ed25519 public key. Raises KeyTextError for impossible ones."""

    type: ClassVar[int] = ED25519
    """The signature type, which is part of what tells keys apart."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != KEY_BYTES:
            reason = f"an Ed25519 public key is {KEY_BYTES} bytes, not {len(self.public_key)}"
            raise KeyTextError(reason)

    @property
    def id(self) -> bytes:
        """The four bytes that, with the name, tell which key made a signature."""
        return sha256(self.name.encode() + b"\n" + bytes((self.type,)) + self.public_key).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as one line, to be given to whoever verifies; the inverse is `parse_vkey`."""
        return f"{self.name}+{self.id.hex()}+{base64_text.encode(bytes((self.type,)) + self.public_key)}"

    def accepts(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature, as it stands in a note behind the key's id, is this key's over the message."""
        return ed25519_accepts(self.public_key, message, signature)


@dataclass(frozen=True, slots=True)
class SignerKey:
    """What signs: a name with the 32-byte seed of an Ed25519 private key, from a source of secrets."""

    type: ClassVar[int] = ED25519

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.seed) != KEY_BYTES:
            reason = f"the seed of an Ed25519 key is {KEY_BYTES} bytes, not {len(self.seed)}"
            raise KeyTextError(reason)

    @property
    def verifier(self) -> VerifierKey:
        """The key that its signatures are verified with."""
        return VerifierKey(self.name, self.public_key)

    @property
    def public_key(self) -> bytes:
        """The public key of the seed."""
        return self._private().public_key().public_bytes_raw()

    @property
    def skey(self) -> str:
        """The secret as one line; the inverse is `parse_skey`."""
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{base64_text.encode(bytes((self.type,)) + self.seed)}"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over the message: always the same for the same message."""
        return self._private().sign(message)

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def ed25519_accepts(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 64 bytes are a signature over the message (RFC 8032, section 5.1.7)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


Verifier = TypeVar("Verifier", bound=VerifierKey)
Signer = TypeVar("Signer", bound=SignerKey)


def parse_vkey(text: str) -> VerifierKey:
    """Return the log's key whose `vkey` is exactly this. Raises KeyTextError, also for keys of other types."""
    return parse_vkey_of(VerifierKey, text)


def parse_skey(text: str) -> SignerKey:
    """Return the log's key whose `skey` is exactly this. Raises KeyTextError, which does not repeat the text."""
    return parse_skey_of(SignerKey, text)


def parse_vkey_of(kind: type[Verifier], text: str) -> Verifier:
    """`parse_vkey` for any kind of key."""
    name, key_id, key = _parsed(text, "verifier key", kind.type)
    verifier = kind(name, key)
    if verifier.id.hex() != key_id:
        reason = f"the verifier key of {name} has the id {verifier.id.hex()}, not {key_id} as it says"
        raise KeyTextError(reason)
    return verifier


def parse_skey_of(kind: type[Signer], text: str) -> Signer:
    """`parse_skey` for any kind of key."""
    if not text.startswith(_PRIVATE):
        reason = f"a signer key begins with {_PRIVATE}"
        raise KeyTextError(reason)
    name, key_id, seed = _parsed(text.removeprefix(_PRIVATE), "signer key", kind.type, secret=True)
    signer = kind(name, seed)
    if signer.verifier.id.hex() != key_id:
        reason = f"the signer key of {name} does not have the id {key_id} that it says"
        raise KeyTextError(reason)
    return signer


def _parsed(text: str, what: str, wanted: int, *, secret: bool = False) -> tuple[str, str, bytes]:
    match = _FORM.fullmatch(text)
    shown = "" if secret else f": {text!r}"
    if match is None:
        reason = f"not a {what} of the form <name>+<id>+<key>{shown}"
        raise KeyTextError(reason)
    try:
        found, *key = base64_text.decode(match["key"])
    except ValueError:
        reason = f"the last part of the {what} is not base 64{shown}"
        raise KeyTextError(reason) from None  # the cause repeats the text
    if found != wanted:
        reason = f"the {what} of {match['name']} is of type 0x{found:02x}, and only {_TYPES[wanted]} is read here"
        raise KeyTextError(reason)
    return match["name"], match["id"], bytes(key)
