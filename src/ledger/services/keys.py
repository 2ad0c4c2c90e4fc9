"""The key that signs the log: one file, readable by its owner alone, with the log's name in it."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path

from ledger.errors import NoKey, SettingsError
from ledger.merkle.note_keys import KEY_BYTES, KeyTextError, SignerKey, VerifierKey, parse_skey, parse_vkey
from ledger.services import durable_files
from ledger.settings import Settings

_OTHERS = 0o077


def key_file(settings: Settings) -> Path:
    """Where the key lies, or would."""
    return (settings.key_file or settings.data_dir / "signing" / "log.key").expanduser().absolute()


def create(settings: Settings, origin: str | None = None) -> SignerKey:
    """A new key is in the key file, for the log of that name (by default LEDGER_ORIGIN, or one made up from the key).

    Raises `SettingsError` when there is a key already (it is never overwritten), for a name that no key can have, and
    when the file cannot be written.
    """
    path, seed = key_file(settings), secrets.token_bytes(KEY_BYTES)
    public = SignerKey("-", seed).verifier.public_key
    try:
        key = SignerKey(origin or settings.origin or f"progress-ledger/{sha256(public).hexdigest()[:16]}", seed)
    except KeyTextError as error:
        raise SettingsError(f"LEDGER_ORIGIN: {error}") from error
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable_files.create(path, key.skey.encode() + b"\n", mode=0o600)
    except FileExistsError as error:
        raise SettingsError(
            f"{path} holds a key already: it is what this log signs with, and is not replaced"
        ) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}. Set LEDGER_KEY_FILE to another") from error
    return key


def load(settings: Settings) -> SignerKey:
    """The key that this ledger signs with.

    Raises `NoKey` when there is none, and `SettingsError` when the file is not a key, others can read it, or the key
    is of another log than LEDGER_ORIGIN says.
    """
    path = key_file(settings)
    try:
        mode, text = path.stat().st_mode, path.read_text("ascii", errors="replace")
    except FileNotFoundError:
        raise NoKey(f"there is no key to sign with in {path}: make one by `ledger keys new`") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if mode & _OTHERS:
        raise SettingsError(
            f"{path} can be read by others: chmod 600 {path}, and take a new key if they are not trusted"
        )
    try:
        key = parse_skey(text.removesuffix("\n"))
    except KeyTextError as error:
        raise SettingsError(f"{path}: {error}") from None  # no more of the file than the message shows
    if settings.origin is not None and settings.origin != key.name:
        raise SettingsError(
            f"LEDGER_ORIGIN is {settings.origin}, and the key in {path} signs for {key.name}: "
            "unset the variable, or use the other log's LEDGER_KEY_FILE"
        )
    return key


def load_if_any(settings: Settings) -> SignerKey | None:
    """The key that this ledger signs with, or None when it has none. Raises `SettingsError` as `load`."""
    try:
        return load(settings)
    except NoKey:
        return None


def trusted(vkeys: list[str]) -> list[VerifierKey]:
    """The keys that these lines are. Raises `SettingsError` for a line that is none."""
    try:
        return [parse_vkey(vkey.strip()) for vkey in vkeys]
    except KeyTextError as error:
        raise SettingsError(str(error)) from error
