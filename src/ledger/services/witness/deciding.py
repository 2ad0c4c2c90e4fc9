"""What a witness cosigns: C2SP tlog-witness (https://c2sp.org/tlog-witness), "add-checkpoint"."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from msgspec import Struct

from ledger.errors import SettingsError
from ledger.merkle import add_checkpoint, checkpoints, cosignatures, notes
from ledger.merkle.add_checkpoint import AddCheckpoint, RequestError
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.cosignatures import WitnessSigner
from ledger.merkle.hashing import EMPTY_ROOT
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.merkle.proofs import ProofError
from ledger.services.witness.folder import WitnessFolder

_log = structlog.get_logger("ledger.witness")

Seconds = Callable[[], int]
"""The witness's clock: seconds since 1970."""


class Cosigned(Struct, frozen=True):
    """The checkpoint continues what was cosigned before, and is the newest now."""

    line: str
    """The cosignature's line, with its newline."""


class Malformed(Struct, frozen=True):
    """No request, or one whose old size is more than the checkpoint's."""

    reason: str


class UnknownLog(Struct, frozen=True):
    """This witness was not asked to watch that log."""

    reason: str


class NotSigned(Struct, frozen=True):
    """No key that the witness trusts for the log has signed the checkpoint."""

    reason: str


class Elsewhere(Struct, frozen=True):
    """The witness stands at another size, or has cosigned another root over as many entries."""

    size: int
    """Over how many entries it has cosigned the log; 0 for none."""


class NotProven(Struct, frozen=True):
    """It is not shown that the checkpoint's tree begins with the one that was cosigned."""

    reason: str


Answer = Cosigned | Malformed | UnknownLog | NotSigned | Elsewhere | NotProven


class Witness:
    """Answers for one folder. Safe to use from many threads; one process at a time has the folder."""

    def __init__(
        self, folder: WitnessFolder, signer: WitnessSigner, logs: dict[str, list[VerifierKey]], clock: Seconds
    ) -> None:
        self._folder = folder
        self._signer = signer
        self._logs = logs
        self._clock = clock
        self._turns = {origin: threading.Lock() for origin in logs}

    def add_checkpoint(self, content: bytes) -> Answer:
        """What becomes of a request. A cosignature is given after the checkpoint is on disk as the log's newest.

        Raises `IntegrityError` when what was kept of the log cannot be read, and OSError when the checkpoint cannot be
        kept; nothing is cosigned then.
        """
        try:
            request = add_checkpoint.parse(content)
            checkpoint = checkpoints.read_unverified(request.note)
        except (RequestError, NoteError, CheckpointError) as error:
            return Malformed(str(error))
        trusted = self._logs.get(checkpoint.origin)
        if trusted is None:
            return UnknownLog(f"this witness does not know the log {checkpoint.origin}")
        try:
            checkpoints.read(request.note, trusted)
        except (NoteError, CheckpointError) as error:
            return NotSigned(str(error))
        if request.old_size > checkpoint.size:
            return Malformed(f"the old size, {request.old_size}, is more than the checkpoint's, {checkpoint.size}")
        # Looking at the newest and replacing it are one step: C2SP tlog-witness says what happens otherwise.
        with self._turns[checkpoint.origin]:
            return self._in_turn(request, checkpoint)

    def _in_turn(self, request: AddCheckpoint, checkpoint: Checkpoint) -> Answer:
        newest = self._folder.newest(checkpoint.origin)
        size, root = (newest.size, newest.root) if newest else (0, EMPTY_ROOT)
        if newest is not None and checkpoint.size == size and checkpoint.root != root:
            # Two roots over as many entries, both signed by the log: whoever sees them needs no more.
            kept = self._folder.keep_disputed(checkpoint, request.note)
            _log.critical("FORK: the log has signed two roots over one size", origin=checkpoint.origin, proof=str(kept))
            return Elsewhere(size)
        if request.old_size != size:
            return Elsewhere(size)
        try:
            request.verify(root, checkpoint.size, checkpoint.root)
        except ProofError as error:
            _log.warning("not cosigned", origin=checkpoint.origin, old=size, size=checkpoint.size, reason=str(error))
            return NotProven(str(error))
        self._folder.keep(checkpoint.origin, request.note)
        line = cosignatures.cosign(notes.parse(request.note).text, self._signer, self._clock()).line
        return Cosigned(line + "\n")


@contextmanager
def witness(path: Path, clock: Seconds) -> Iterator[Witness]:
    """The witness in that folder, alone with it while the context lasts.

    Raises `NoKey` or `SettingsError`, also when another process serves it or no log is accepted, and `IntegrityError`
    when what was kept of a log cannot be read.
    """
    folder = WitnessFolder(path)
    signer, logs = folder.signer(), folder.logs()
    if not logs:
        raise SettingsError(f"{path / 'logs'} names no log: put the vkey of each log that is accepted on a line of it")
    with folder.lock() as lock:
        if not lock.try_alone():
            raise SettingsError(f"another process serves the witness in {path}")
        folder.tidy()
        for origin in logs:
            folder.newest(origin)
        yield Witness(folder, signer, logs, clock)
