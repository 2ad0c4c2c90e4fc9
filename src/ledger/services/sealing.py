"""Signing the log's checkpoints, and refusing to sign two histories.

The signer remembers its last checkpoint in a file beside its key, outside the database: whoever puts an old backup
back, or changes what was signed, has the signer against him, however far he goes in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from ledger.domain.events import KeyRetired, KeyRotated
from ledger.errors import Fork, IntegrityError, NotFound, Rollback, SettingsError
from ledger.merkle import checkpoints
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.merkle.proofs import ProofError, verify_consistency
from ledger.services import durable_files, keys
from ledger.services.key_history import STREAM, KeyHistory, KeyRecord
from ledger.services.keys import KeyRing
from ledger.services.ledger import Ledger
from ledger.settings import Settings
from ledger.store.checkpoints import CheckpointStore, Published
from ledger.store.file_lock import FileLock
from ledger.store.log import Log
from ledger.store.tiles import TileStore

_TURN_SECONDS = 30.0
_END = 2**63 - 1


class Sealed(Struct, frozen=True):
    """A published checkpoint, the note as the log signed it, and the lines that witnesses have put under it."""

    checkpoint: Checkpoint
    note: bytes
    cosignatures: bytes = b""

    @property
    def cosigned(self) -> bytes:
        """The note with all its signatures, as it is handed out."""
        return self.note + self.cosignatures


class Memory:
    """The last checkpoint that a key signed, in a file beside the key."""

    def __init__(self, key_file: Path) -> None:
        self.path = key_file.with_name(key_file.name + ".checkpoint")
        self._lock = key_file.with_name(key_file.name + ".lock")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else on this machine signs with the key meanwhile. Raises `IntegrityError` after 30 s of waiting."""
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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


class RecordedKeys:
    """What the log of one ledger says of its keys, read on as it grows."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._records: list[KeyRecord] = []
        self._version = 0

    def history(self, given: Iterable[VerifierKey]) -> KeyHistory:
        """As far as the log goes now, for whoever has these keys: one indexed statement, which mostly finds nothing."""
        for record in self._log.stream_records({STREAM: self._version}, _END)[STREAM]:
            data, self._version = record.event.data, record.event.version
            if isinstance(data, KeyRotated | KeyRetired):
                self._records.append(KeyRecord(record.position, data))
        return KeyHistory(given, self._records)


class Sealer:
    """Signs checkpoints of one log with its keys. Safe to use from several threads and processes."""

    def __init__(
        self,
        log: Log,
        tiles: TileStore,
        published: CheckpointStore,
        load_keys: Callable[[], KeyRing],
        memory: Memory,
    ) -> None:
        """`load_keys` is asked before each signature: another process may have changed the keys."""
        self._log = log
        self._tiles = tiles
        self._published = published
        self._load_keys = load_keys
        self._memory = memory
        self._recorded = RecordedKeys(log)
        self._agreed: KeyRing | None = None
        """The keys that were last found to be those that the log names."""

    def seal(self) -> Sealed:
        """A checkpoint over the whole log as it is now is remembered, and then published; returns it.

        When the last one is over the whole log, that is returned. Raises `Rollback`, `Fork` or `EntryMissing` when the
        log does not begin with what was signed last, and `NoKey` or `SettingsError` when the keys at hand are not
        those that signed it, or not those that the log names; nothing is signed then.
        """
        with self._memory.turn():
            ring = self._load_keys()
            remembered = self._remembered(ring)
            found = [each for each in (remembered, self._newest(ring)) if each is not None]
            before = {each.note: each for each in found}.values()  # mostly one and the same
            size = self._log.head().next_position
            for sealed in before:
                if size < sealed.checkpoint.size:
                    raise Rollback(sealed.checkpoint.size, size)
            root = self._checked([sealed.checkpoint for sealed in before if sealed.checkpoint.size], size)
            last = next((sealed for sealed in before if sealed.checkpoint.size == size), None)
            made = last or self._sign(ring, Checkpoint(ring.origin, size, root))
            if remembered is None or remembered.note != made.note:
                self._memory.write(made.note)
            held = _read(ring, self._published.publish(size, made.note), f"the checkpoint over {size} entries")
            if held.checkpoint != made.checkpoint:  # another machine has the key, and signed something else
                raise Fork(size, held.checkpoint.root, root)
            return made

    def _sign(self, ring: KeyRing, checkpoint: Checkpoint) -> Sealed:
        """Signed with all the keys, if these are the ones that the log names.

        That is looked up when the file of keys has changed: whoever lets a key follow or retires one changes it too.
        """
        if ring != self._agreed:
            self._check_named(ring)
            self._agreed = ring
        return Sealed(checkpoint, bytes(checkpoints.sign(checkpoint, *ring.signers)))

    def _check_named(self, ring: KeyRing) -> None:
        known = self._recorded.history(ring.verifiers).keys
        for each in known:
            if each.retired is None and each.key not in ring.verifiers:
                raise SettingsError(
                    f"the log says that it is signed with {each.key.vkey}, and that key is not in the file of keys: "
                    "put the newest copy of the file back, or retire the key by `ledger keys retire` if it is lost"
                )
        if not {each.key for each in known if each.retired is None} & {key.verifier for key in ring.signers}:
            raise SettingsError(
                f"{ring.newest.verifier.vkey} was retired, and no other key is in the file: put the newest copy back"
            )

    def _remembered(self, ring: KeyRing) -> Sealed | None:
        note = self._memory.read()
        return None if note is None else _read(ring, note, str(self._memory.path))

    def _newest(self, ring: KeyRing) -> Sealed | None:
        newest = self._published.newest()
        return None if newest is None else _read(ring, newest.note, "the newest checkpoint in the database")

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
    """Where the ledger's keys remember what they signed."""
    return Memory(keys.key_file(settings))


def sealer(ledger: Ledger) -> Sealer:
    """What signs this ledger's checkpoints. Raises `NoKey` or `SettingsError`."""
    keys.load(ledger.settings)
    store = CheckpointStore(ledger.database)
    return Sealer(ledger.log, ledger.tiles, store, lambda: keys.load(ledger.settings), memory(ledger.settings))


def current(ledger: Ledger) -> Sealed:
    """The newest checkpoint: sealed now where there is a key, else the one that was published last.

    Raises `NoKey` when there is neither, and as `Sealer.seal`.
    """
    if keys.load_if_any(ledger.settings) is None:
        newest = CheckpointStore(ledger.database).newest()
        if newest is not None:
            return _as_published(newest)
    return sealer(ledger).seal()


def published(ledger: Ledger, size: int | None = None) -> Sealed:
    """The checkpoint that was published over so many entries, or the newest. Raises `NotFound`."""
    store = CheckpointStore(ledger.database)
    found = store.newest() if size is None else store.at(size)
    if found is None:
        raise NotFound("checkpoint", "yet: nothing has been signed" if size is None else f"over {size} entries")
    return _as_published(found)


def _as_published(found: Published) -> Sealed:
    return Sealed(checkpoints.read_unverified(found.note), found.note, found.cosignatures)


def _read(ring: KeyRing, note: bytes, where: str) -> Sealed:
    try:
        return Sealed(checkpoints.read(note, ring.verifiers), note)
    except (NoteError, CheckpointError) as error:
        raise SettingsError(
            f"{where} was not signed by this key (LEDGER_KEY_FILE), {ring.newest.verifier.vkey}: {error}"
        ) from error
