"""References in place of texts: nothing of the text is in the entry, and only its opening opens it."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode
from hashlib import sha256
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.any_event import EVENTS, TEXTS
from tests.support.effort import examples
from tests.support.texts import committed, salt

from ledger.domain import events as ev
from ledger.domain.events import Actor, Event
from ledger.domain.texts import (
    REFERENCE,
    Absent,
    Opening,
    commit_texts,
    event_of,
    is_person,
    map_texts,
    opens,
    put_in,
    reference,
    references_in,
)
from ledger.errors import EntryError, Refused
from ledger.store.entry import encode_event

ID = "0195eb1d-cd00-7000-8000-000000000000"


def event(data: ev.EventData, **more: object) -> Event:
    made = Event(
        actor=Actor("U1", "clerk"),
        causation=None,
        correlation=None,
        data=data,
        effective="2025-03-31",
        id=ID,
        stream="task/T1",
        type=data.type_name,
        v=1,
        version=1,
    )
    return replace(made, **more)


def test_a_reference_is_the_event_and_the_hmac_of_the_text_under_its_salt() -> None:
    """As docs/entry-format.md has it."""
    ref = reference(UUID(ID), Opening(b"s" * 16, "Trần Thị B"))
    content = urlsafe_b64decode(ref.removeprefix("text:"))
    assert content[:16] == UUID(ID).bytes
    assert content[16:] == hmac.new(b"s" * 16, "Trần Thị B".encode(), sha256).digest()
    assert REFERENCE.fullmatch(ref)
    assert event_of(ref) == UUID(ID)


@examples(100)
@given(st.binary(min_size=16, max_size=16), st.text())
def test_the_commitment_is_an_hmac_as_anybody_else_computes_it(salt: bytes, text: str) -> None:
    content = urlsafe_b64decode(reference(UUID(ID), Opening(salt, text)).removeprefix("text:"))
    assert content[16:] == hmac.new(salt, text.encode(), sha256).digest()


def test_a_salt_of_another_length_opens_nothing() -> None:
    """HMAC itself takes a key with zeros behind it for the same one."""
    for own in (b"s" * 16, b"s" * 15 + b"\0", bytes(16)):
        ref = reference(UUID(ID), Opening(own, "text"))
        assert opens(Opening(own, "text"), ref)
        for other in {own + b"\0", own + bytes(48), own.rstrip(b"\0"), own + b"x" * 60} - {own}:
            assert not opens(Opening(other, "text"), ref)


@examples(200)
@given(EVENTS)
def test_what_is_committed_to_is_opened_again_and_by_nothing_else(made: Event) -> None:
    recorded, openings = commit_texts(made, salt)
    back = map_texts(recorded, lambda path, _kind, ref: openings[path].text if opens(openings[path], ref) else "?")
    assert back == made
    seen: list[str] = []
    map_texts(recorded, lambda path, _kind, ref: seen.append(path) or ref)  # type: ignore[func-returns-value]  # for its effect
    assert sorted(seen) == sorted(openings)
    for path, opening in openings.items():
        assert opening.text, path
        for other in (Opening(opening.salt, opening.text + " "), Opening(bytes(16), opening.text)):
            assert not opens(other, reference(UUID(made.id), opening))


@examples(100)
@given(EVENTS)
def test_no_entry_holds_a_text(made: Event) -> None:
    word = "longer than the other fields of such an event are"
    said = map_texts(made, lambda _path, _kind, _text: word)
    encoded = encode_event(committed(said))
    assert word.encode() not in encoded


def test_nothing_and_the_empty_text_stay_as_they_are() -> None:
    made = event(ev.ProgressReported(percent=5, narrative="", next_steps="", indicators=()), actor=Actor("U1", None))
    assert commit_texts(made, salt) == (made, {})


def test_texts_are_named_by_their_paths() -> None:
    evidence = tuple(msgspec.convert({"name": name, "media_type": "a/b", "size": 1, "sha256": "0" * 64}, ev.Document)
                     for name in ("one", "two"))  # fmt: skip
    _, openings = commit_texts(event(ev.ResultSubmitted(reviewer="REV", evidence=evidence)), salt)
    assert {path: opening.text for path, opening in openings.items()} == {
        "actor.subject": "clerk",
        "data.evidence.0.name": "one",
        "data.evidence.1.name": "two",
    }
    assert [path for path in (*openings, "data.officer") if is_person(path)] == ["actor.subject", "data.officer"]


def test_a_text_is_not_recorded_as_it_is() -> None:
    with pytest.raises(EntryError, match=r"data\.officer"):
        encode_event(event(ev.OfficerNamed(officer="Trần Thị B"), actor=Actor("U1", None)))


def test_nor_is_a_reference_of_another_event() -> None:
    foreign = committed(event(ev.OfficerNamed(officer="Trần Thị B"), id="0195eb1d-cd00-7000-8000-000000000001"))
    with pytest.raises(EntryError, match=r"actor\.subject"):
        encode_event(replace(foreign, id=ID))


POSED = reference(UUID(ID), Opening(b"s" * 16, "secret"))


@pytest.mark.parametrize(
    ("posed", "field"),
    [
        (event(ev.CoordinatingSet(units=("U1", POSED))), "data.units.1"),
        (event(ev.UnitRenamed(name=f"Office ({POSED})", reason="so")), "data.name"),
        (event(ev.OfficerNamed(officer="x"), correlation=POSED), "correlation"),
        (event(ev.OfficerNamed(officer="x"), stream=f"task/{POSED}"), "stream"),
    ],
)
def test_nobody_poses_a_reference_where_there_is_no_text(posed: Event, field: str) -> None:
    with pytest.raises(Refused) as refused:
        encode_event(committed(posed))
    assert (refused.value.code, refused.value.field) == ("looks_like_a_text", field)


def test_words_that_only_begin_like_one_are_words() -> None:
    for name in ("text: of the law", "context:", POSED[:-1]):
        encode_event(committed(event(ev.UnitRenamed(name=name, reason="text:"))))


def test_a_text_that_looks_like_a_reference_is_shown_as_it_is() -> None:
    ref = reference(UUID(ID), Opening(b"t" * 16, POSED))
    assert put_in({"title": f"({ref})"}, {ref: POSED}) == {"title": f"({POSED})"}


@examples(100)
@given(st.lists(TEXTS, max_size=4))
def test_references_are_found_and_replaced_wherever_they_stand(texts: list[str]) -> None:
    refs = {reference(UUID(ID), Opening(salt(str(n)), text)): text for n, text in enumerate(texts)}
    value = {"rows": [{"a": ref, "b": f"b1: {ref} (U2)", "n": 3, "none": None} for ref in refs], "of": tuple(refs)}
    assert references_in(value) == refs.keys()
    assert put_in(value, refs) == {
        "rows": [{"a": text, "b": f"b1: {text} (U2)", "n": 3, "none": None} for text in refs.values()],
        "of": tuple(refs.values()),
    }


def test_why_a_text_is_absent_is_said_in_the_readers_language() -> None:
    assert put_in([POSED, f"x {POSED}"], {POSED: Absent.ERASED}) == ["erased", "x erased"]
    assert put_in(POSED, {POSED: Absent.ERASED}, {"erased": "đã xóa"}.__getitem__) == "đã xóa"
