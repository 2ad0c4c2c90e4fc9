"""The bytes that are stored, hashed and exported: canonical, bounded, and readable for ever."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.conftest import Database
from tests.support.any_event import EVENTS, RECORDED_AT
from tests.support.effort import examples
from tests.support.ledgers import opened
from tests.support.texts import committed

from ledger.domain import events as ev
from ledger.domain.events import EVENT_TYPES, Actor, Event
from ledger.domain.texts import opens
from ledger.errors import EntryError, Refused
from ledger.merkle.hashing import leaf_hash
from ledger.services.export import export_line, restore
from ledger.services.exported_texts import TextsOf
from ledger.store.append import Append
from ledger.store.entry import (
    MAX_ENTRY_BYTES,
    UPCASTERS,
    decode_entry,
    decode_event,
    encode_event,
    entry_bytes,
    event_bytes,
)
from ledger.store.entry_texts import entry_references
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder
from ledger.store.texts import read_openings

LOCALE = Locale("Asia/Ho_Chi_Minh", "VN")
GOLDEN = Path(__file__).parent / "golden" / "entries.jsonl"
GOLDEN_ENTRIES = [
    line[len(b'{"entry":') : line.index(b',"leaf":')] for line in GOLDEN.read_bytes().splitlines(keepends=True)
]
NOW = 1_743_400_000_000_000


def reported(narrative: str = "", **more: object) -> Event:
    """A report of progress with that narrative."""
    data = ev.ProgressReported(percent=50, narrative=narrative, next_steps="", indicators=())
    return replace(officer("x", **more), data=data, type=data.type_name)


def officer(name: str, **more: object) -> Event:
    """The second event of a task."""
    event = Event(
        actor=Actor("U1", None),
        causation=None,
        correlation=None,
        data=ev.OfficerNamed(officer=name),
        effective="2025-03-31",
        id="0195eb1d-cd00-7000-8000-000000000000",
        stream="task/T1",
        type="task.officer-named",
        v=1,
        version=1,
    )
    return replace(event, **more)


# ── the bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@examples(200)
@given(EVENTS, RECORDED_AT, st.integers(0, 2**53 - 1))
def test_an_entry_is_canonical_json_and_reads_as_what_was_written(
    event: Event, recorded_at: int, position: int
) -> None:
    """Canonical as the reference implementation of RFC 8785 has it."""
    event = committed(event)
    encoded = encode_event(event)
    entry = entry_bytes(encoded, recorded_at)
    assert entry == rfc8785.dumps({"event": msgspec.to_builtins(event), "recorded_at": recorded_at})
    assert event_bytes(entry, recorded_at) == encoded
    assert decode_event(encoded) == event
    assert decode_entry(position, entry) == ev.Record(position, recorded_at, event)


@examples(3)
@given(st.lists(EVENTS, min_size=5, max_size=20))
def test_the_database_stores_those_bytes(log: Log, recorder: LedgerRecorder, events: list[Event]) -> None:
    start = log.head().next_position
    versions = log.stream_versions(event.stream for event in events)
    appends = []
    for event in events:
        version = versions[event.stream] = versions.get(event.stream, 0) + 1
        encoded = encode_event(committed(replace(event, version=version)))
        appends.append(Append(event.stream, version - 1, ((event.type, encoded),)))
    answers = recorder.append(appends)
    stored = log.entries(start, start + len(events))
    for append, answer, (position, entry) in zip(appends, answers, stored, strict=True):
        assert (answer.status, answer.position) == ("recorded", position)
        assert entry == entry_bytes(append.events[0][1], answer.recorded_at or 0)
        assert json.loads(entry)["recorded_at"] == answer.recorded_at


# ── what is not kept ─────────────────────────────────────────────────────────────────────────────────────────────────


def coordinating(units: str) -> Event:
    """An event that holds what is given byte for byte."""
    data = ev.CoordinatingSet(units=(units,))
    return replace(officer("x"), data=data, type=data.type_name)


@pytest.mark.parametrize("letter", ["x", "é", "ộ", "\U0001f3db", "\n", "\x01"])
def test_an_entry_may_take_65535_bytes_and_no_more(log: Log, recorder: LedgerRecorder, letter: str) -> None:
    spare = MAX_ENTRY_BYTES - len(entry_bytes(encode_event(coordinating("")), NOW))
    size = len(json.dumps(letter, ensure_ascii=ord(letter) < 32)[1:-1].encode())
    full = letter * (spare // size) + "y" * (spare % size)
    encoded = encode_event(coordinating(full))
    assert len(entry_bytes(encoded, NOW)) == MAX_ENTRY_BYTES
    (answer,) = recorder.append([Append("task/T1", 0, (("task.coordinating-set", encoded),))])
    assert answer.status == "recorded"
    assert len(log.entries(0, 1)[0][1]) == MAX_ENTRY_BYTES
    with pytest.raises(Refused) as refused:
        encode_event(coordinating(full + "y"))
    assert (refused.value.code, refused.value.field) == ("entry_too_large", "data")
    assert "65,536" in refused.value.reason


@pytest.mark.parametrize(
    "event",
    [
        reported("a\x00b"),
        officer("\x00"),
        officer("x", stream="task/\x00"),
        officer("x", correlation="\x00"),
        officer("x", actor=Actor("U1", "\x00")),
        officer("x", data=ev.CoordinatingSet(units=("U1", "U\x002")), type="task.coordinating-set"),
    ],
)
def test_no_text_holds_the_character_that_postgresql_cannot(event: Event) -> None:
    with pytest.raises(Refused) as refused:
        encode_event(committed(event))
    assert refused.value.code == "nul_character"


def test_the_six_letters_of_an_escape_are_only_text() -> None:
    event = coordinating(r"\u0000")
    assert decode_event(encode_event(event)) == event


@examples(200)
@given(st.integers(0, len(GOLDEN_ENTRIES) - 1), st.data())
def test_bytes_that_are_not_an_entry_are_an_entry_error(which: int, data: st.DataObject) -> None:
    entry = bytearray(GOLDEN_ENTRIES[which])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(len(entry) - 1, 0)))
        match data.draw(st.sampled_from(("change", "drop", "cut"))):
            case "change":
                entry[at : at + 1] = data.draw(st.binary(min_size=1, max_size=2))
            case "drop":
                del entry[at : at + 1]
            case "cut":
                del entry[at:]
    with suppress(EntryError):
        assert decode_entry(7, bytes(entry)).position == 7


@pytest.mark.parametrize("entry", [b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b'{"event":null,"recorded_at":1}'])
def test_hardly_json_is_an_entry_error(entry: bytes) -> None:
    with pytest.raises(EntryError):
        decode_entry(7, entry)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "task.unheard-of"},
        {"type": ""},
        {"v": 2},
        {"v": 10**30},
        {"v": 0},
        {"v": -1},
        {"data": {}},
        {"data": {"officer": 7}},
        {"data": []},
        {"actor": None},
        {"version": "1"},
    ],
)
def test_an_unknown_type_or_version_is_an_entry_error(change: dict[str, Any]) -> None:
    event = msgspec.to_builtins(officer("x")) | change
    with pytest.raises(EntryError):
        decode_event(msgspec.json.encode(event, order="sorted"))
    with pytest.raises(EntryError, match="position 3"):
        decode_entry(3, entry_bytes(msgspec.json.encode(event, order="sorted"), NOW))


# ── old schema versions ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_old_schema_version_is_brought_up_step_by_step_on_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "task.officer-named"
    monkeypatch.setitem(UPCASTERS, (kind, -1), lambda data: {"name": data["first"] + " " + data["last"]})
    monkeypatch.setitem(UPCASTERS, (kind, 0), lambda data: {"officer": data["name"]})
    for v, data in ((-1, {"first": "A", "last": "B"}), (0, {"name": "A B"}), (1, {"officer": "A B"})):
        old = msgspec.to_builtins(officer("")) | {"v": v, "data": data}
        encoded = rfc8785.dumps(old)
        assert decode_event(encoded) == officer("A B")
        entry = entry_bytes(encoded, NOW)
        assert decode_entry(0, entry).event == officer("A B")
        assert leaf_hash(entry) != leaf_hash(entry_bytes(encode_event(committed(officer("A B"))), NOW)) or v == 1


def test_an_upcaster_that_leaves_no_readable_data_is_an_entry_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, ("task.officer-named", 0), lambda data: data)
    old = msgspec.to_builtins(officer("")) | {"v": 0, "data": {"name": "A B"}}
    with pytest.raises(EntryError):
        decode_event(rfc8785.dumps(old))


# ── readable for ever ────────────────────────────────────────────────────────────────────────────────────────────────
# golden/entries.jsonl is an export. Its lines are never changed; a new type or schema version adds a line at the end.


def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_bytes().splitlines()]


def test_every_event_type_and_version_has_a_golden_entry() -> None:
    have = {(line["entry"]["event"]["type"], line["entry"]["event"]["v"]) for line in golden()}
    wanted = {(name, v) for name, cls in EVENT_TYPES.items() for v in range(1, cls.schema_version + 1)}
    assert not wanted - have, f"add to {GOLDEN.name}, at its end, an entry of each of these"


def test_golden_entries_are_read_and_written_as_ever() -> None:
    lines = GOLDEN.read_bytes().splitlines(keepends=True)
    for position, (raw, entry) in enumerate(zip(lines, GOLDEN_ENTRIES, strict=True)):
        line = json.loads(raw)
        texts = read_openings(json.dumps(line.get("texts", {})))
        assert export_line(position, entry, TextsOf(texts, None), LOCALE) == raw, (
            "the hash or form of the line has changed"
        )
        references = entry_references(entry)
        assert all(opens(opening, references[path]) for path, opening in texts.items())
        event = decode_entry(position, entry).event
        assert event.v == EVENT_TYPES[event.type].schema_version
        if event.v == line["entry"]["event"]["v"]:
            assert entry_bytes(encode_event(event), line["entry"]["recorded_at"]) == entry


def test_the_golden_export_is_restored_with_the_hashes_it_has(database: Database) -> None:
    lines = golden()
    with opened(database) as ledger:
        assert restore(ledger, GOLDEN, lambda *_: None) == len(lines)
        stored = ledger.log.entries(0, len(lines))
        assert [leaf_hash(entry).hex() for _, entry in stored] == [line["leaf"] for line in lines]
        assert ledger.log.head().live_from == 4
