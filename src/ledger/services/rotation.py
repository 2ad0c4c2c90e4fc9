"""Letting one key of the log follow another, so that every step is recorded in the log that they sign.

The file of keys changes before the record is made, and the old key goes after its retirement is recorded and signed
over. So wherever it is interrupted, the same command run again finishes it, and no checkpoint lacks a signature that
counts.
"""

from __future__ import annotations

import datetime as dt
import secrets
from hashlib import sha256

from msgspec import Struct

from ledger.domain.events import Actor, Event, EventData, KeyRetired, KeyRotated
from ledger.domain.times import local_day
from ledger.errors import SettingsError, VersionConflict
from ledger.merkle import checkpoints, key_statements
from ledger.merkle.checkpoints import CheckpointError
from ledger.merkle.note_keys import KEY_BYTES, SignerKey, VerifierKey
from ledger.merkle.notes import NoteError
from ledger.services import keys, sealing
from ledger.services.answers import refusal
from ledger.services.ids import uuid7
from ledger.services.key_history import STREAM, KeyHistory, KnownKey
from ledger.services.keys import KeyRing
from ledger.services.ledger import Ledger
from ledger.services.sealing import RecordedKeys, Sealed
from ledger.store.append import Append, IdempotencyKey
from ledger.store.entry import encode_event

OVERLAP_DAYS = 30
"""For how long both keys are meant to sign, unless the operator says otherwise."""


class Changed(Struct, frozen=True):
    """What was recorded, and the checkpoint that covers it."""

    key: VerifierKey
    """The key that follows, or that was retired."""
    position: int
    sealed: Sealed


def rotate(ledger: Ledger, overlap_days: int = OVERLAP_DAYS, lost: VerifierKey | None = None) -> Changed:
    """A new key signs from now on beside the one so far; that is recorded, and under a checkpoint that both signed.

    A rotation that was interrupted before it was recorded is finished. `lost` is the key so far when its file is gone:
    then only the new one signs, and nobody but those who are given it will believe it. Raises `NoKey`;
    `SettingsError` while a rotation is under way; `DatabaseUnavailable` when it is unknown whether it was recorded
    (run it again); and as `Sealer.seal`.
    """
    settings = ledger.settings
    if lost is None:
        keys.load(settings)
    with sealing.memory(settings).turn():
        if lost is not None:
            _put_after(ledger, lost)
        ring = keys.load(settings)
        history = key_history(ledger, ring)
        new = ring.newest
        old = _before(ring)
        if old is None:
            _check_held(ring, history)
            old, new = ring.newest.verifier, _another(ring.origin)
            keys.change(settings, KeyRing((*ring.signers, new), ring.lost))
        elif any(each.key == new.verifier and each.since is not None for each in history.keys):
            raise SettingsError(
                f"{new.verifier.vkey} follows {old.vkey} already: end that first, by `ledger keys retire`"
            )
        signer = ring.signer(old)
        today = local_day(ledger.clock(), ledger.zone)
        until = today + dt.timedelta(days=overlap_days if signer else 0)
        statement = key_statements.rotation(old, new.verifier, until)
        data = KeyRotated(
            old=old.vkey,
            new=new.verifier.vkey,
            overlap_until=until,
            old_signature=key_statements.sign(statement, signer) if signer else None,
            new_signature=key_statements.sign(statement, new),
        )
        position = _record(ledger, data, f"rotated:{data.new}")
    return Changed(new.verifier, position, sealing.sealer(ledger).seal())


def retire(ledger: Ledger, key: VerifierKey | None = None, *, early: bool = False) -> Changed:
    """The key, by default the older of two, signs no more, and its private key is gone from the file.

    The retirement is recorded, and under a checkpoint that both signed. One that was interrupted is finished. Raises
    `SettingsError` when there is no other key to go on with, or before the day until which both were meant to sign,
    unless `early`; and as `rotate`.
    """
    settings = ledger.settings
    keys.load(settings)
    with sealing.memory(settings).turn():
        ring = keys.load(settings)
        history = key_history(ledger, ring)
        known = _to_retire(ring, history, key)
        by = next(
            (each for each in reversed(ring.signers) if _counts(history, each.verifier) and each.verifier != known.key),
            None,
        )
        if known.retired is None:
            until = max((each.overlap_until for each in history.keys if each.overlap_until), default=None)
            today = local_day(ledger.clock(), ledger.zone)
            if until is not None and today < until and not early:
                raise SettingsError(
                    f"both keys were to sign until {until}: verifiers who do not know the new one yet would be lost. "
                    "Wait, or retire the key all the same by --early"
                )
            if by is None:
                raise SettingsError(f"{known.key.vkey} is the only key that signs: let another one follow first")
            signature = key_statements.sign(key_statements.retirement(known.key, by.verifier), by)
            data = KeyRetired(key=known.key.vkey, by=by.verifier.vkey, signature=signature)
            position = _record(ledger, data, f"retired:{data.key}")
        else:
            position = known.retired
    # As long as it is in the file it signs: the checkpoint over its retirement is the last one.
    sealed = sealing.sealer(ledger).seal()
    with sealing.memory(settings).turn():
        keys.change(settings, keys.load(settings).without(known.key))
    return Changed(known.key, position, sealed)


def key_history(ledger: Ledger, ring: KeyRing) -> KeyHistory:
    """The keys of this ledger's log, from those in the file and the records as the database has them."""
    return RecordedKeys(ledger.log).history(ring.verifiers)


def _put_after(ledger: Ledger, lost: VerifierKey) -> None:
    """A new key is in the file, behind the one that was lost; or it was put there by an earlier try."""
    ring = keys.load_if_any(ledger.settings)
    if ring is not None:
        if ring.lost != (lost,):
            held = f"{keys.key_file(ledger.settings)} holds {ring.newest.verifier.vkey}"
            raise SettingsError(f"{held}: a key is lost when its file is gone")
        return
    note = sealing.memory(ledger.settings).read() or sealing.published(ledger).note
    try:
        checkpoints.read(note, [lost])
    except (NoteError, CheckpointError) as error:
        raise SettingsError(f"the last checkpoint was not signed by {lost.vkey}: {error}") from error
    keys.put(ledger.settings, KeyRing((_another(lost.name),), (lost,)))


def _before(ring: KeyRing) -> VerifierKey | None:
    """The key that the newest one follows, when both are in the file."""
    others = [key for key in ring.verifiers if key != ring.newest.verifier]
    return others[-1] if others else None


def _check_held(ring: KeyRing, history: KeyHistory) -> None:
    for each in history.keys:
        if each.retired is None and each.key not in ring.verifiers:
            raise SettingsError(
                f"the log says that {each.key.vkey} signs it, and it is not in the file of keys: put the newest copy "
                "of that file back, or retire the key by `ledger keys retire` if it is lost"
            )


def _to_retire(ring: KeyRing, history: KeyHistory, key: VerifierKey | None) -> KnownKey:
    recorded = {each.key: each for each in history.keys}
    if key is None:
        others = [each for each in ring.verifiers if each != ring.newest.verifier]
        if not others:
            raise SettingsError("one key signs the log, and it is not retired before another one follows it")
        key = others[0]
        if recorded[ring.newest.verifier].since is None:
            raise SettingsError("the newest key is not recorded yet: finish by `ledger keys rotate`")
    if key not in recorded:
        raise SettingsError(f"{key.vkey} is no key of this log")
    return recorded[key]


def _counts(history: KeyHistory, key: VerifierKey) -> bool:
    return any(each.key == key and each.retired is None for each in history.keys)


def _another(origin: str) -> SignerKey:
    return SignerKey(origin, secrets.token_bytes(KEY_BYTES))


def _record(ledger: Ledger, data: EventData, name: str) -> int:
    """The position of the record, made now or by an earlier try."""
    version = ledger.log.stream_versions([STREAM]).get(STREAM, 0)
    now = ledger.clock()
    event = Event(
        actor=Actor(None, None),
        causation=None,
        correlation=None,
        data=data,
        effective=local_day(now, ledger.zone).isoformat(),
        id=uuid7(now),
        stream=STREAM,
        type=data.type_name,
        v=data.schema_version,
        version=version + 1,
    )
    key = IdempotencyKey("", name, sha256(name.encode()).digest())
    append = Append(STREAM, version, ((event.type, encode_event(event)),), key)
    answer = ledger.committer.append([append])[0]
    if answer.status == "refused":
        raise refusal(answer.reason)
    if answer.position is None:
        raise VersionConflict(STREAM, version, answer.version or 0)
    return answer.position
