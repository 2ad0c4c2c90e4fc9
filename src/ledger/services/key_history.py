"""Which keys count for a log, and up to where: what its records of keys say, as far as they are signed.

A verifier begins with the keys that he was given by a way that he trusts. A record that such a key has signed brings
in another; so the first key of a log is enough for all of it, and so is the latest. A record that nobody trusted has
signed is passed over: whoever may only append to the log cannot bring in a key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ledger.domain.events import KeyRetired, KeyRotated
from ledger.errors import EntryError
from ledger.merkle import key_statements
from ledger.merkle.note_keys import KeyTextError, VerifierKey, parse_vkey
from ledger.store.entry import decode_entry

STREAM = "log/keys"
"""The stream of these records."""

_MARKS = tuple(f'"type":"{data.type_name}"'.encode() for data in (KeyRotated, KeyRetired))
"""Canonical JSON has no other spelling, and a text has its quotation marks escaped."""


class KeyRecord(Struct, frozen=True):
    """What the log holds of its keys at one position."""

    position: int
    data: KeyRotated | KeyRetired


class KnownKey(Struct, frozen=True):
    """A key that counts, and for how much of the log."""

    key: VerifierKey
    given: bool
    """Whether the verifier was given it, or a record brought it in."""
    since: int | None = None
    """The position of the record that brought it in; None for the first key."""
    overlap_until: dt.date | None = None
    """The day until which the key before it was meant to sign too."""
    retired: int | None = None
    """The position of the record after which it signs no more."""


class Unsigned(Struct, frozen=True):
    """A record of keys that counts for nothing, and why."""

    position: int
    reason: str


def may_be_of_keys(content: bytes) -> bool:
    """The entry, or an entry in the bundle, may be a record of keys."""
    return any(mark in content for mark in _MARKS)


def key_record(position: int, entry: bytes) -> KeyRecord | None:
    """The record of keys that the entry is; None when it is about something else.

    Raises `EntryError` for one that this version of the product cannot read.
    """
    if not may_be_of_keys(entry):
        return None
    event = decode_entry(position, entry).event
    if event.stream != STREAM or not isinstance(event.data, KeyRotated | KeyRetired):
        raise EntryError(f"the entry at position {position} speaks of keys, and is not in the stream {STREAM}")
    return KeyRecord(position, event.data)


class _Rotation(Struct, frozen=True):
    """A rotation whose keys are keys, and whose new key has signed it and was in no record before."""

    position: int
    old: VerifierKey
    new: VerifierKey
    overlap_until: dt.date
    by_old: bool
    """Whether the old key has signed it as well."""


class _Retirement(Struct, frozen=True):
    """A retirement whose keys are keys, and which the key that goes on has signed."""

    position: int
    key: VerifierKey
    by: VerifierKey


class KeyHistory:
    """The keys of one log, from those that the verifier was given and the records in the log, in order of position."""

    def __init__(self, given: Iterable[VerifierKey], records: Sequence[KeyRecord]) -> None:
        self._known = {key: KnownKey(key, given=True) for key in given}
        self._reasons: dict[int, str] = {}
        read = self._read(records)
        # Who has the latest key alone goes back from there: each says which one it follows.
        for rotation in reversed([each for each in read if isinstance(each, _Rotation)]):
            if rotation.new in self._known:
                self._known.setdefault(rotation.old, KnownKey(rotation.old, given=False))
        for each in read:
            if isinstance(each, _Rotation):
                self._rotate(each)
            else:
                self._retire(each)
        self.unsigned = tuple(Unsigned(position, self._reasons[position]) for position in sorted(self._reasons))

    @property
    def keys(self) -> tuple[KnownKey, ...]:
        """Every key that counts or counted, in the order in which they were brought in."""
        return tuple(sorted(self._known.values(), key=lambda each: -1 if each.since is None else each.since))

    def at(self, size: int) -> list[VerifierKey]:
        """The keys whose signature counts under a checkpoint of that size.

        One that covers the record of a retirement needs the signature of another key.
        """
        return [each.key for each in self._known.values() if each.retired is None or each.retired >= size]

    def _read(self, records: Sequence[KeyRecord]) -> list[_Rotation | _Retirement]:
        """What the records say, by themselves; the reasons are kept for those that say nothing."""
        seen: set[str] = set()
        found: list[_Rotation | _Retirement] = []
        for position, data in ((record.position, record.data) for record in records):
            try:
                read = _rotation(position, data) if isinstance(data, KeyRotated) else _retirement(position, data)
            except KeyTextError as error:
                self._reasons[position] = str(error)
                continue
            # A key follows once: nobody who holds one that was retired brings it, or one before it, in again.
            if read is None or (isinstance(read, _Rotation) and read.new.vkey in seen):
                self._reasons[position] = "the keys that the record is about have not signed it, or spoke before"
                continue
            seen |= {data.old, data.new} if isinstance(data, KeyRotated) else {data.key, data.by}
            found.append(read)
        return found

    def _rotate(self, said: _Rotation) -> None:
        old, new = self._known.get(said.old), self._known.get(said.new)
        forward = said.by_old and old is not None and old.retired is None
        if forward or new is not None:
            given = new is not None and new.given
            self._known[said.new] = KnownKey(said.new, given, said.position, said.overlap_until)
        else:
            self._reasons[said.position] = f"no key that is trusted says that {said.new.vkey} follows {said.old.vkey}"

    def _retire(self, said: _Retirement) -> None:
        known, by = self._known.get(said.key), self._known.get(said.by)
        if known is None or by is None or known.retired is not None or by.retired is not None:
            self._reasons[said.position] = f"no key that is trusted says that {said.key.vkey} signs no more"
        else:
            self._known[said.key] = KnownKey(said.key, known.given, known.since, known.overlap_until, said.position)


def _rotation(position: int, data: KeyRotated) -> _Rotation | None:
    old, new = parse_vkey(data.old), parse_vkey(data.new)
    statement = key_statements.rotation(old, new, data.overlap_until)
    if old.name != new.name or old == new or not key_statements.holds(statement, new, data.new_signature):
        return None
    by_old = data.old_signature is not None and key_statements.holds(statement, old, data.old_signature)
    return _Rotation(position, old, new, data.overlap_until, by_old)


def _retirement(position: int, data: KeyRetired) -> _Retirement | None:
    key, by = parse_vkey(data.key), parse_vkey(data.by)
    said = key != by and key_statements.holds(key_statements.retirement(key, by), by, data.signature)
    return _Retirement(position, key, by) if said else None
