"""The entry: the exact bytes that are stored, hashed and exported (DESIGN section 3, docs/entry-format.md).

Canonical JSON (RFC 8785) in a narrow profile: ASCII keys in sorted order, no floats, integers within ±(2^53-1).
msgspec's sorted encoding gives these bytes; the tests hold it against the reference implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from ledger.domain.events import EVENT_TYPES, Actor, Event, EventData, Record
from ledger.domain.texts import PREFIX, REFERENCE, Kind, belongs_to, map_texts, strings_in
from ledger.errors import EntryError, Refused

MAX_ENTRY_BYTES = 65_535
_PREFIX = b'{"event":'
_MIDDLE = b',"recorded_at":'
_ENVELOPE_BYTES = len(_PREFIX) + len(_MIDDLE) + 16 + 1
"""What the database adds around an event: 16 digits of microseconds until the year 2286."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
_REFERENCE_PREFIX = PREFIX.encode()
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(type, v) -> how data of that schema version becomes data of the next. Old entries are never rewritten."""


class _Header(Struct, frozen=True, gc=False):
    actor: Actor
    causation: str | None
    correlation: str | None
    data: Raw
    effective: str
    id: str
    stream: str
    type: str
    v: int
    version: int


class _Entry(Struct, frozen=True, gc=False):
    event: _Header
    recorded_at: int


_encoder = msgspec.json.Encoder(order="sorted")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_event_decoder = msgspec.json.Decoder(_Header)
_entry_decoder = msgspec.json.Decoder(_Entry)
_data_decoders: dict[tuple[str, int], Callable[[Raw], EventData]] = {
    (name, cls.schema_version): msgspec.json.Decoder(cls).decode for name, cls in EVENT_TYPES.items()
}


def encode_event(event: Event, references: int | None = None) -> bytes:
    """The canonical bytes of an event, whose texts are committed to (`commit_texts`).

    `references`: how many there are, from whoever has just made them; otherwise they are looked at. Raises `Refused`
    when its entry would be too large, cannot be kept, or has what looks like a reference where there is no text;
    `EntryError` when a text stands in it.
    """
    references = _own_references(event) if references is None else references
    encoded = _encoder.encode(event)
    if encoded.count(_REFERENCE_PREFIX) != references:
        _check_no_other(event, encoded, references)
    if len(encoded) + _ENVELOPE_BYTES > MAX_ENTRY_BYTES:
        raise Refused(
            "entry_too_large",
            "data",
            f"the record takes {len(encoded) + _ENVELOPE_BYTES:,} bytes and may take {MAX_ENTRY_BYTES:,}: "
            "give long documents by name, size and SHA-256",
        )
    # The cheap test first: hardly any record holds the escape at all.
    if rb"\u0000" in encoded and _has_nul(event):
        raise Refused("nul_character", "data", "a text holds the character U+0000, which no report can show")
    return encoded


def entry_bytes(event: bytes, recorded_at: int) -> bytes:
    """The entry of an event recorded at that time: what the database builds under its lock."""
    return b"".join((_PREFIX, event, _MIDDLE, str(recorded_at).encode(), b"}"))


def event_bytes(entry: bytes, recorded_at: int) -> bytes:
    """The event's part of an entry: the inverse of `entry_bytes`."""
    return entry[len(_PREFIX) : len(entry) - len(_MIDDLE) - len(str(recorded_at)) - 1]


def decode_event(encoded: bytes) -> Event:
    """The event in these bytes, in today's schema version; raises `EntryError`."""
    try:
        return _event(_event_decoder.decode(encoded))
    except _UNREADABLE as error:
        raise EntryError(f"not an event: {error}") from error


def decode_entry(position: int, entry: bytes) -> Record:
    """The record in these bytes, in today's schema version; raises `EntryError`, naming the position."""
    try:
        decoded = _entry_decoder.decode(entry)
        return Record(position, decoded.recorded_at, _event(decoded.event))
    except (*_UNREADABLE, EntryError) as error:
        raise EntryError(f"the entry at position {position} cannot be read: {error}") from error


def _event(header: _Header) -> Event:
    decode = _data_decoders.get((header.type, header.v))
    data = decode(header.data) if decode else _upcast(header)
    return Event(
        actor=header.actor,
        causation=header.causation,
        correlation=header.correlation,
        data=data,
        effective=header.effective,
        id=header.id,
        stream=header.stream,
        type=header.type,
        v=data.schema_version,
        version=header.version,
    )


def _upcast(header: _Header) -> EventData:
    current = EVENT_TYPES.get(header.type)
    if current is None or (header.type, header.v) not in UPCASTERS:
        raise EntryError(f"{header.type} v{header.v} is not known to this version of the product")
    data: dict[str, Any] = msgspec.json.decode(header.data)
    for v in range(header.v, current.schema_version):
        data = UPCASTERS[header.type, v](data)
    return msgspec.convert(data, current)


def _own_references(event: Event) -> int:
    """How many references it holds, each where a text belongs; raises `EntryError` for anything else there."""
    own: list[str] = []
    identity = UUID(event.id)

    def take(path: str, _: Kind, held: str) -> str:
        if not belongs_to(held, identity):
            raise EntryError(f"{path} of event {event.id} is to hold a reference, and not a text")
        own.append(path)
        return held

    map_texts(event, take)
    return len(own)


def _check_no_other(event: Event, encoded: bytes, references: int) -> None:
    """Nobody poses a reference to a text of another event: raises `Refused`, naming the field."""
    if len(REFERENCE.findall(encoded.decode())) == references:
        return
    texts: set[str] = set()

    def note(path: str, _: Kind, held: str) -> str:
        texts.add(path)
        return held

    map_texts(event, note)
    for path, held in strings_in(event):
        if path not in texts and REFERENCE.search(held):
            raise Refused("looks_like_a_text", path, "it holds what looks like the ledger's reference to a text")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Struct):
        return any(_has_nul(getattr(value, name)) for name in value.__struct_fields__)
    return isinstance(value, tuple) and any(_has_nul(item) for item in value)
