"""Which keys count for a log: those that a trusted key has signed for, and nothing that others may have appended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from ledger.domain.events import Actor, Event, EventData, KeyRetired, KeyRotated
from ledger.errors import EntryError
from ledger.merkle import key_statements
from ledger.merkle.note_keys import SignerKey
from ledger.services.key_history import STREAM, KeyHistory, KeyRecord, key_record
from ledger.store.entry import encode_event, entry_bytes

A, B, C, X, Y = (SignerKey("example.org/ledger", letter * 32) for letter in (b"a", b"b", b"c", b"x", b"y"))
UNTIL = dt.date(2025, 4, 30)


def rotation(old: SignerKey, new: SignerKey, *, lost: bool = False) -> KeyRotated:
    statement = key_statements.rotation(old.verifier, new.verifier, UNTIL)
    return KeyRotated(
        old=old.verifier.vkey,
        new=new.verifier.vkey,
        overlap_until=UNTIL,
        old_signature=None if lost else key_statements.sign(statement, old),
        new_signature=key_statements.sign(statement, new),
    )


def retirement(key: SignerKey, by: SignerKey) -> KeyRetired:
    statement = key_statements.retirement(key.verifier, by.verifier)
    return KeyRetired(key=key.verifier.vkey, by=by.verifier.vkey, signature=key_statements.sign(statement, by))


def history(given: Sequence[SignerKey], *records: tuple[int, KeyRotated | KeyRetired]) -> KeyHistory:
    return KeyHistory([key.verifier for key in given], [KeyRecord(*record) for record in records])


def counted(known: KeyHistory, size: int) -> set[str]:
    """The letters of the keys that count at that size."""
    letters = {key.verifier: letter for letter, key in zip("ABCXY", (A, B, C, X, Y), strict=True)}
    return {letters[key] for key in known.at(size)}


WHOLE = ((10, rotation(A, B)), (20, retirement(A, B)), (30, rotation(B, C)), (40, retirement(B, C)))
"""A, then B, then C."""


@pytest.mark.parametrize("given", [(A,), (B,), (C,), (A, C), (A, B, C)])
def test_any_key_of_the_log_is_enough_for_all_of_it(given: tuple[SignerKey, ...]) -> None:
    known = history(given, *WHOLE)
    assert known.unsigned == ()
    assert {each.key for each in known.keys} == {A.verifier, B.verifier, C.verifier}
    assert {each.key: (each.since, each.retired) for each in known.keys} == {
        A.verifier: (None, 20),
        B.verifier: (10, 40),
        C.verifier: (30, None),
    }
    assert {each.key for each in known.keys if each.given} == {key.verifier for key in given}
    # The checkpoint that first covers the record of a retirement, at position 20, is over 21 entries.
    assert "A" in counted(known, 20)
    assert "A" not in counted(known, 21)
    assert counted(known, 41) == {"C"}


def test_a_key_of_nobody_counts_only_for_whom_it_was_given() -> None:
    known = history([X], *WHOLE)
    assert counted(known, 5) == counted(known, 50) == {"X"}
    assert [each.position for each in known.unsigned] == [10, 20, 30, 40]


def test_who_may_only_append_brings_in_no_key() -> None:
    good = rotation(A, X)
    forged = [
        rotation(A, X, lost=True),
        replace(good, old_signature=good.new_signature),
        replace(good, overlap_until=UNTIL + dt.timedelta(1)),
        replace(good, new=Y.verifier.vkey),
        replace(good, new_signature=rotation(A, Y).new_signature),
        replace(good, old_signature="not base 64"),
        replace(good, old="not a key"),
        rotation(X, Y),
        rotation(A, SignerKey("example.org/other", b"x" * 32)),
        rotation(A, A),
    ]
    for data in forged:
        known = history([A], (10, data))
        assert counted(known, 50) == {"A"}, data
        assert [each.position for each in known.unsigned] == [10]


def test_who_may_only_append_retires_no_key() -> None:
    good = retirement(A, B)
    for data in (
        retirement(A, X),
        retirement(B, X),
        retirement(A, A),
        replace(good, key=B.verifier.vkey),
        replace(good, signature=retirement(B, A).signature),
        replace(good, by="not a key"),
    ):
        known = history([A], (10, rotation(A, B)), (20, data))
        assert counted(known, 50) == {"A", "B"}, data
        assert [each.position for each in known.unsigned] == [20]


def test_a_retired_key_in_wrong_hands_brings_in_nothing_any_more() -> None:
    # Whoever has A after its retirement, and may append.
    for data in (rotation(A, X), rotation(X, A), rotation(X, A, lost=True), retirement(B, A), rotation(A, B)):
        for given in ((A,), (B,), (A, B)):
            known = history(given, *WHOLE[:2], (25, data))
            assert counted(known, 50) == {"B"}, data
            assert [each.position for each in known.unsigned] == [25]


def test_a_key_that_was_retired_does_not_come_again() -> None:
    known = history([A], (10, rotation(A, B)), (20, retirement(B, A)), (30, rotation(A, B)), (40, rotation(A, C)))
    assert counted(known, 50) == {"A", "C"}
    assert [each.position for each in known.unsigned] == [30]


def test_behind_a_lost_key_only_those_follow_who_were_given_the_new_one() -> None:
    records = ((10, rotation(A, B, lost=True)), (20, retirement(A, B)))
    assert counted(history([A], *records), 50) == {"A"}
    assert [each.position for each in history([A], *records).unsigned] == [10, 20]
    for given in ((B,), (A, B)):
        known = history(given, *records)
        assert (counted(known, 20), counted(known, 21), known.unsigned) == ({"A", "B"}, {"B"}, ())
    # Nor does a forged record in between, by whoever found the lost key, when A was given as well.
    assert counted(history([A, B], *records, (25, rotation(A, X))), 50) == {"B"}


def entry(data: EventData, **more: object) -> bytes:
    event = Event(
        actor=Actor(None, None),
        causation=None,
        correlation=None,
        data=data,
        effective="2025-03-31",
        id="0195740c-3f10-7c6e-9d3c-5a1d0b0a4f11",
        stream=STREAM,
        type=data.type_name,
        v=1,
        version=1,
    )
    return entry_bytes(encode_event(replace(event, **more)), 1_700_000_000_000_000)


def test_records_are_read_from_entries() -> None:
    for data in (rotation(A, B), rotation(A, B, lost=True), retirement(A, B)):
        assert key_record(7, entry(data)) == KeyRecord(7, data)
    assert key_record(7, b"anything else") is None
    assert key_record(7, entry(rotation(A, B)).replace(b"log.key-rotated", b"log.key-elsewhat")) is None


def test_a_record_that_cannot_be_read_is_not_passed_over() -> None:
    for broken in (
        entry(rotation(A, B), stream="task/T1"),
        entry(rotation(A, B)).replace(b'"overlap_until":"2025', b'"overlap_until":"x'),
        entry(rotation(A, B))[:-1],
    ):
        with pytest.raises(EntryError, match="position 7"):
            key_record(7, broken)
