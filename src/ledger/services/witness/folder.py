"""What a witness keeps, in one folder: its key, the logs that it accepts, and the newest checkpoint of each.

witness.key                 the private key, readable by its owner alone
logs                        the vkeys of the logs, a line each; lines that begin with # are remarks
cosigned/<SHA-256 of the origin>      the newest checkpoint of that log that was cosigned, as the log signed it
disputed/<SHA-256 of the origin>-<size>       a checkpoint with another root over as many entries: proof of a fork
lock                        held by the process that serves
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from ledger.errors import IntegrityError, NoKey, SettingsError
from ledger.merkle import checkpoints
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.cosignatures import WitnessSigner, parse_witness_skey
from ledger.merkle.note_keys import KEY_BYTES, KeyTextError, VerifierKey, parse_vkey
from ledger.merkle.notes import NoteError
from ledger.services import durable_files
from ledger.store.file_lock import FileLock

_OTHERS = 0o077


class WitnessFolder:
    """One witness's folder. What is written there is on disk when a method returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = folder / "witness.key"
        self._logs = folder / "logs"
        self._cosigned = folder / "cosigned"
        self._disputed = folder / "disputed"

    def create(self, name: str, vkeys: Sequence[str]) -> WitnessSigner:
        """The folder holds a new witness of that name, which accepts the logs with these vkeys.

        Raises `SettingsError` when it holds a witness already (its key is never overwritten), for a name that no key
        can have, for a line that is no vkey, and when it cannot be written.
        """
        try:
            signer = WitnessSigner(name, secrets.token_bytes(KEY_BYTES))
            for vkey in vkeys:
                parse_vkey(vkey)
        except KeyTextError as error:
            raise SettingsError(str(error)) from error
        try:
            for folder in (self.folder, self._cosigned, self._disputed):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._key.exists():
                raise FileExistsError
            durable_files.replace(self._logs, "".join(f"{vkey}\n" for vkey in vkeys).encode())
            durable_files.create(self._key, signer.skey.encode() + b"\n", mode=0o600)  # the last: with it there is one
            durable_files.sync_folder(self.folder.parent)
        except FileExistsError as error:
            raise SettingsError(f"{self.folder} holds a witness already: its key is not replaced") from error
        except OSError as error:
            raise SettingsError(f"{self.folder} cannot be written: {error.strerror}") from error
        return signer

    def signer(self) -> WitnessSigner:
        """The witness's key. Raises `NoKey`, or `SettingsError` when others can read it or it is none."""
        try:
            mode, text = self._key.stat().st_mode, self._key.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            raise NoKey(f"there is no witness in {self.folder}: make one by `ledger witness new`") from None
        except OSError as error:
            raise SettingsError(f"{self._key} cannot be read: {error.strerror}") from error
        if mode & _OTHERS:
            raise SettingsError(f"{self._key} can be read by others: chmod 600 {self._key}")
        try:
            return parse_witness_skey(text.removesuffix("\n"))
        except KeyTextError as error:
            raise SettingsError(f"{self._key}: {error}") from None  # no more of the file than the message shows

    def logs(self) -> dict[str, list[VerifierKey]]:
        """By origin: the keys that the log may sign with. Raises `SettingsError`, naming the line that is no vkey."""
        found: dict[str, list[VerifierKey]] = {}
        try:
            lines = self._logs.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._logs} cannot be read: {error}") from error
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                try:
                    key = parse_vkey(line.strip())
                except KeyTextError as error:
                    raise SettingsError(f"{self._logs}, line {number}: {error}") from error
                found.setdefault(key.name, []).append(key)
        return found

    def newest(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint of that log that was cosigned; None when none was.

        Raises `IntegrityError` when what is kept cannot be it: then nothing may be cosigned for that log any more.
        """
        path = self._cosigned / _name(origin)
        if not self._cosigned.is_dir():
            raise IntegrityError(f"{self._cosigned} is gone, and with it what this witness has cosigned: make another")
        try:
            kept = checkpoints.read_unverified(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, NoteError, CheckpointError) as error:
            raise IntegrityError(f"{path} cannot be read, and nothing is cosigned without it: {error}") from error
        if kept.origin != origin:
            raise IntegrityError(f"{path} is of {kept.origin}, and not of {origin}")
        return kept

    def keep(self, origin: str, note: bytes) -> None:
        """The note is on disk as the newest of that log, and until then the one before is. Raises OSError."""
        durable_files.replace(self._cosigned / _name(origin), note, mode=0o600)

    def keep_disputed(self, checkpoint: Checkpoint, note: bytes) -> Path:
        """The note is kept as proof, and its path returned; of each log and size the first. Raises OSError."""
        path = self._disputed / f"{_name(checkpoint.origin)}-{checkpoint.size}"
        if not path.exists():
            durable_files.replace(path, note, mode=0o600)
        return path

    def tidy(self) -> None:
        """What a process that was killed was writing is gone."""
        for part in (*self._cosigned.glob(".*.part"), *self._disputed.glob(".*.part")):
            part.unlink()

    def lock(self) -> FileLock:
        """What the one process that serves holds alone. Raises `SettingsError` when the folder cannot be written."""
        try:
            return FileLock(self.folder / "lock")
        except OSError as error:
            raise SettingsError(f"{self.folder} cannot be written: {error.strerror}") from error


def _name(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()
