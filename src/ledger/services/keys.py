"""The keys that sign the log: lines of one file, readable by its owner alone, with the log's name in each.

Mostly it is one line. While one key follows another it is two, the older one first; a line without a private key stands
for one that was lost, whose checkpoints the signer goes on from.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from ledger.errors import NoKey, SettingsError
from ledger.merkle.cosignatures import WitnessKey, parse_witness_vkey
from ledger.merkle.note_keys import KEY_BYTES, KeyTextError, SignerKey, VerifierKey, parse_skey, parse_vkey
from ledger.services import durable_files
from ledger.settings import Settings

_OTHERS = 0o077


class KeyRing(Struct, frozen=True):
    """The keys in the file, all of one name: those that sign, the oldest first, and those that can only verify."""

    signers: tuple[SignerKey, ...]
    lost: tuple[VerifierKey, ...] = ()

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.signers[0].name

    @property
    def newest(self) -> SignerKey:
        """The key to give to whoever verifies from now on."""
        return self.signers[-1]

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """What all that this ledger signed lately is verified with, the oldest first."""
        return (*self.lost, *(key.verifier for key in self.signers))

    def signer(self, key: VerifierKey) -> SignerKey | None:
        """The private key of that one, if it is held."""
        return next((each for each in self.signers if each.verifier == key), None)

    def without(self, key: VerifierKey) -> KeyRing:
        """The ring after that key has gone."""
        return KeyRing(
            tuple(each for each in self.signers if each.verifier != key),
            tuple(each for each in self.lost if each != key),
        )

    def __bytes__(self) -> bytes:
        return "".join(f"{line}\n" for line in (*(k.vkey for k in self.lost), *(k.skey for k in self.signers))).encode()


def key_file(settings: Settings) -> Path:
    """Where the keys lie, or would."""
    return (settings.key_file or settings.data_dir / "signing" / "log.key").expanduser().absolute()


def create(settings: Settings, origin: str | None = None) -> SignerKey:
    """A new key is in the key file, for the log of that name (by default LEDGER_ORIGIN, or one made up from the key).

    Raises `SettingsError` when there is a key already (it is never overwritten), for a name that no key can have, and
    when the file cannot be written.
    """
    seed = secrets.token_bytes(KEY_BYTES)
    public = SignerKey("-", seed).public_key
    try:
        key = SignerKey(origin or settings.origin or f"progress-ledger/{sha256(public).hexdigest()[:16]}", seed)
    except KeyTextError as error:
        raise SettingsError(f"LEDGER_ORIGIN: {error}") from error
    put(settings, KeyRing((key,)))
    return key


def put(settings: Settings, ring: KeyRing) -> None:
    """The key file is there with these keys, where there was none. Raises `SettingsError` as `create`."""
    path = key_file(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable_files.create(path, bytes(ring), mode=0o600)
    except FileExistsError as error:
        raise SettingsError(
            f"{path} holds a key already: it is what this log signs with, and is not replaced; "
            "`ledger keys rotate` puts another one beside it"
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error


def change(settings: Settings, ring: KeyRing) -> None:
    """The key file holds these keys, and until then those that it held. Raises `SettingsError`.

    For whoever has the signer's turn, and has read the file in it.
    """
    path = key_file(settings)
    try:
        durable_files.replace(path, bytes(ring), mode=0o600)
    except OSError as error:
        raise _unwritable(path, error) from error


def load(settings: Settings) -> KeyRing:
    """The keys that this ledger signs with.

    Raises `NoKey` when there is none, and `SettingsError` when the file does not hold keys of one name, others can
    read it, or the keys are of another log than LEDGER_ORIGIN says.
    """
    path = key_file(settings)
    try:
        mode, text = path.stat().st_mode, path.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        raise NoKey(
            f"there is no key to sign with in {path}: make one by `ledger keys new`, or put back the copy of the one "
            "that was there"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise SettingsError(
            f"{path} can be read by others: chmod 600 {path}, and let another key follow (ledger keys rotate) if they "
            "are not trusted"
        )
    ring = _ring(path, text)
    if settings.origin is not None and settings.origin != ring.origin:
        raise SettingsError(
            f"LEDGER_ORIGIN is {settings.origin}, and the key in {path} signs for {ring.origin}: "
            "unset the variable, or use the other log's LEDGER_KEY_FILE"
        )
    return ring


def load_if_any(settings: Settings) -> KeyRing | None:
    """The keys that this ledger signs with, or None when it has none. Raises `SettingsError` as `load`."""
    try:
        return load(settings)
    except NoKey:
        return None


def trusted(vkeys: Sequence[str]) -> list[VerifierKey]:
    """The logs' keys that these lines are. Raises `SettingsError` for a line that is none."""
    try:
        return [parse_vkey(vkey.strip()) for vkey in vkeys]
    except KeyTextError as error:
        raise SettingsError(str(error)) from error


def trusted_witnesses(vkeys: Sequence[str]) -> list[WitnessKey]:
    """The witnesses' keys that these lines are. Raises `SettingsError` for a line that is none."""
    try:
        return [parse_witness_vkey(vkey.strip()) for vkey in vkeys]
    except KeyTextError as error:
        raise SettingsError(str(error)) from error


def _ring(path: Path, text: str) -> KeyRing:
    signers: list[SignerKey] = []
    lost: list[VerifierKey] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            if line.startswith("PRIVATE"):
                signers.append(parse_skey(line))
            else:
                lost.append(parse_vkey(line))
        except KeyTextError:
            # What is no key may be a part of one: no more of the line than its number is shown.
            raise SettingsError(f"{path}: line {number} is not a key that a log signs with") from None
    if not signers or {key.name for key in signers} | {key.name for key in lost} != {signers[0].name}:
        raise SettingsError(f"{path} does not hold the keys of one log")
    return KeyRing(tuple(signers), tuple(lost))


def _unwritable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path} cannot be written: {error.strerror}. Set LEDGER_KEY_FILE to another")
