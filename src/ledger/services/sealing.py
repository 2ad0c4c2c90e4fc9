"""Signing the log's checkpoints, and refusing to sign two histories.

The signer remembers its last checkpoint in a file beside its key, outside the database: whoever puts an old backup
back, or changes what was signed, has the signer against him, however far he goes in the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from ledger.errors import Fork, IntegrityError, NotFound, Rollback, SettingsError
from ledger.merkle import checkpoints
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.note_keys import SignerKey
from ledger.merkle.notes import NoteError
from ledger.merkle.proofs import ProofError, verify_consistency
from ledger.services import durable_files, keys
from ledger.services.ledger import Ledger
from ledger.settings import Settings
from ledger.store.checkpoints import CheckpointStore
from ledger.store.file_lock import FileLock
from ledger.store.log import Log
from ledger.store.tiles import TileStore

_TURN_SECONDS = 30.0


class Sealed(Struct, frozen=True):
    """A published checkpoint, and the signed note that it was read from."""

    checkpoint: Checkpoint
    note: bytes


class Memory:
    """The last checkpoint that a key signed, in a file beside the key."""

    def __init__(self, key_file: Path) -> None:
        self.path = key_file.with_name(key_file.name + ".checkpoint")
        self._lock = key_file.with_name(key_file.name + ".lock")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else on this machine signs with the key meanwhile. Raises `IntegrityError` after 30 s of waiting."""
        with FileLock(self._lock) as lock:
            if not lock.alone(_TURN_SECONDS):
                raise IntegrityError(
                    f"another process has been signing for {_TURN_SECONDS:g} s: see who holds {self._lock}"
                )
            yield

    def read(self) -> bytes | None:
        """The note that was signed last; None when there was none."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, note: bytes) -> None:
        """The note is on disk as the last one; until then the one before is."""
        durable_files.replace(self.path, note, mode=0o600)


class Sealer:
    """Signs checkpoints of one log with one key. Safe to use from several threads and processes."""

    def __init__(self, log: Log, tiles: TileStore, published: CheckpointStore, key: SignerKey, memory: Memory) -> None:
        self._log = log
        self._tiles = tiles
        self._published = published
        self._key = key
        self._memory = memory

    def seal(self) -> Sealed:
        """A checkpoint over the whole log as it is now is remembered, and then published; returns it.

        When the last one is over the whole log, that is returned. Raises `Rollback`, `Fork` or `EntryMissing` when the
        log does not begin with what was signed last, and `SettingsError` when that was signed with another key;
        nothing is signed then.
        """
        with self._memory.turn():
            remembered = self._remembered()
            found = [each for each in (remembered, self._newest()) if each is not None]
            before = {each.note: each for each in found}.values()  # mostly one and the same
            size = self._log.head().next_position
            for sealed in before:
                if size < sealed.checkpoint.size:
                    raise Rollback(sealed.checkpoint.size, size)
            self._tiles.fill(size)
            root = self._checked([sealed.checkpoint for sealed in before if sealed.checkpoint.size], size)
            last = next((sealed for sealed in before if sealed.checkpoint.size == size), None)
            made = last or self._sign(Checkpoint(self._key.name, size, root))
            if remembered is None or remembered.note != made.note:
                self._memory.write(made.note)
            held = self._read(self._published.publish(size, made.note), f"the checkpoint over {size} entries")
            if held.checkpoint != made.checkpoint:  # another machine has the key, and signed something else
                raise Fork(size, held.checkpoint.root, root)
            return made

    def _sign(self, checkpoint: Checkpoint) -> Sealed:
        return Sealed(checkpoint, bytes(checkpoints.sign(checkpoint, self._key)))

    def _remembered(self) -> Sealed | None:
        note = self._memory.read()
        return None if note is None else self._read(note, str(self._memory.path))

    def _newest(self) -> Sealed | None:
        newest = self._published.newest()
        return None if newest is None else self._read(newest.note, "the newest checkpoint in the database")

    def _read(self, note: bytes, where: str) -> Sealed:
        try:
            return Sealed(checkpoints.read(note, [self._key.verifier]), note)
        except (NoteError, CheckpointError) as error:
            raise SettingsError(
                f"{where} was not signed by this key (LEDGER_KEY_FILE), {self._key.verifier.vkey}: {error}"
            ) from error

    def _checked(self, before: list[Checkpoint], size: int) -> bytes:
        """The root at that size, of a tree that begins with those that were signed: by proof, and not by trust."""
        root, proofs = self._tiles.grown([signed.size for signed in before], size)
        for signed, proof in zip(before, proofs, strict=True):
            try:
                verify_consistency(proof, signed.root, root)
            except ProofError as error:
                raise Fork(signed.size, signed.root, self._tiles.root(signed.size)) from error
        return root


def memory(settings: Settings) -> Memory:
    """Where the ledger's key remembers what it signed."""
    return Memory(keys.key_file(settings))


def sealer(ledger: Ledger) -> Sealer:
    """What signs this ledger's checkpoints. Raises `NoKey` or `SettingsError`."""
    key = keys.load(ledger.settings)
    return Sealer(ledger.log, ledger.tiles, CheckpointStore(ledger.database), key, memory(ledger.settings))


def current(ledger: Ledger) -> Sealed:
    """The newest checkpoint: sealed now where there is a key, else the one that was published last.

    Raises `NoKey` when there is neither, and as `Sealer.seal`.
    """
    if keys.load_if_any(ledger.settings) is None:
        newest = CheckpointStore(ledger.database).newest()
        if newest is not None:
            return Sealed(checkpoints.read_unverified(newest.note), newest.note)
    return sealer(ledger).seal()


def published(ledger: Ledger, size: int | None = None) -> Sealed:
    """The checkpoint that was published over so many entries, or the newest. Raises `NotFound`."""
    store = CheckpointStore(ledger.database)
    found = store.newest() if size is None else store.at(size)
    if found is None:
        raise NotFound("checkpoint", "yet: nothing has been signed" if size is None else f"over {size} entries")
    return Sealed(checkpoints.read_unverified(found.note), found.note)
