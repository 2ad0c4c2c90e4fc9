"""Who stands for the checkpoints of a log: which of its keys for which, and which witnesses up to where."""

from __future__ import annotations

from msgspec import Struct

from ledger.domain.times import utc_text
from ledger.merkle import checkpoints, cosignatures, notes
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.cosignatures import Cosignature, WitnessKey
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.services.key_history import KeyHistory


class Vouched(Struct, frozen=True):
    """A key of the log, and the checkpoints that it signed among those that were looked at."""

    vkey: str
    given: bool
    """Whether the verifier was given it; else a record that a trusted key signed brought it in."""
    since: int | None
    """The position of the record that brought it in; None for a first key."""
    retired: int | None
    """The position of the record after which it counts no more."""
    checkpoints: int
    """By size: the same checkpoint may lie in two places."""
    first: int | None
    """The sizes of the first and the last of them; None when there are none."""
    last: int | None


class Witnessed(Struct, frozen=True):
    """A witness, and the newest checkpoint that it has cosigned among those that were looked at."""

    vkey: str
    size: int
    time: str
    """When, by its own clock."""


class Quorum(Struct, frozen=True):
    """How many of these witnesses must stand for the log."""

    witnesses: tuple[WitnessKey, ...] = ()
    wanted: int = 0


NOBODY = Quorum()
"""No witness is asked about."""


class Signatures:
    """Verifies the log's own signatures, and counts the sizes that each key has signed."""

    def __init__(self, history: KeyHistory) -> None:
        self._history = history
        self._sizes: dict[VerifierKey, set[int]] = {each.key: set() for each in history.keys}

    def read(self, content: bytes) -> Checkpoint:
        """The checkpoint in these bytes, signed by a key of its log that counts at its size.

        Raises NoteError or CheckpointError.
        """
        note = notes.parse(content)
        checkpoint = checkpoints.parse_text(note.text)
        named = [key for key in self._history.at(checkpoint.size) if key.name == checkpoint.origin]
        try:
            signers = notes.verify(note, named)
        except NoteError as error:
            said = {(signature.name, signature.key_id) for signature in note.signatures}
            for each in self._history.keys:
                if (each.key.name, each.key.id) in said and each.key not in named and each.retired is not None:
                    reason = f"{each.key.vkey} was retired at position {each.retired}, and no other trusted key signed"
                    raise NoteError(reason) from error
            raise
        for key in signers:
            self._sizes[key].add(checkpoint.size)
        return checkpoint

    @property
    def vouched(self) -> tuple[Vouched, ...]:
        """What each key stands for, in the order in which the keys came."""
        return tuple(
            Vouched(
                known.key.vkey,
                known.given,
                known.since,
                known.retired,
                len(self._sizes[known.key]),
                min(self._sizes[known.key], default=None),
                max(self._sizes[known.key], default=None),
            )
            for known in self._history.keys
        )


class Witnesses:
    """Verifies the cosignatures of witnesses that are trusted, and keeps the newest of each."""

    def __init__(self, quorum: Quorum) -> None:
        self._trusted = tuple(dict.fromkeys(quorum.witnesses))
        self._wanted = quorum.wanted
        self._newest: dict[WitnessKey, tuple[int, Cosignature]] = {}

    def read(self, content: bytes) -> int:
        """How many of the witnesses have cosigned the checkpoint in these bytes; whether the log has is not looked at.

        Raises NoteError or CheckpointError, also when a line that one is said to have given is not over this text.
        """
        note = notes.parse(content)
        checkpoint = checkpoints.parse_text(note.text)
        found = cosignatures.of(note, self._trusted)
        for each in found:
            if each.key not in self._newest or self._newest[each.key][0] <= checkpoint.size:
                self._newest[each.key] = (checkpoint.size, each)
        return len(found)

    def lacking(self, size: int = 0) -> str | None:
        """What is wrong when fewer than wanted stand for that many entries; None when there are enough."""
        sizes = sorted((reached for reached, _ in self._newest.values()), reverse=True)
        if self._wanted == 0 or (len(sizes) >= self._wanted and sizes[self._wanted - 1] >= size):
            return None
        enough = sum(reached >= size for reached in sizes)
        so_far = f"; so many stand for the first {sizes[self._wanted - 1]:,}" if len(sizes) >= self._wanted else ""
        return f"too few witnesses for {size:,} entries: {self._wanted} wanted, {enough} found{so_far}"

    @property
    def witnessed(self) -> tuple[Witnessed, ...]:
        """How far each has come, of those that cosigned anything."""
        return tuple(
            Witnessed(key.vkey, size, utc_text(cosignature.time * 1_000_000))
            for key, (size, cosignature) in self._newest.items()
        )
