"""Texts: what people wrote, and who they are. An entry holds references to them, never the texts themselves.

A reference is a commitment: HMAC-SHA256(salt, text) under a random salt, so that nobody who lacks the salt can guess
the text from it. Whoever has the *opening*, which is salt and text, can show that it is the text that was recorded.
Openings can be destroyed; entries, leaf hashes and proofs stay as they are.
"""

from __future__ import annotations

import re
import typing
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from hashlib import sha256
from hmac import compare_digest
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, cast
from uuid import UUID

from msgspec import Meta, Struct
from msgspec.structs import replace

from ledger.domain.events import EVENT_TYPES, Actor, Event
from ledger.domain.values import KIND_OF_TEXT
from ledger.errors import Refused

PREFIX = "text:"
REFERENCE = re.compile(r"text:[A-Za-z0-9_-]{64}")
"""`text:`, then in base64url the event's id (16 bytes) and the HMAC-SHA256 (32 bytes)."""
SALT_BYTES = 16
_ID_BYTES = 16
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_URLSAFE = bytes.maketrans(b"-_", b"+/")

Kind = Literal["free", "person"]
S = TypeVar("S", bound=Struct)
T = TypeVar("T")
Change = Callable[[str, Kind, str], str]
"""(path, kind, what the field holds) -> what it is to hold."""


class Opening(Struct, frozen=True, array_like=True, gc=False):
    """What opens a reference; as JSON `[salt in base64, text]`."""

    salt: bytes
    text: str


Openings = Mapping[str, Opening]
"""By the field's path in the event, such as `data.title`, `data.evidence.0.name`, `actor.subject`."""


class Absent(StrEnum):
    """Why a reference has no text; the word stands in its place."""

    ERASED = "erased"
    """It was destroyed, by an event that says on what legal basis."""
    WITHHELD = "withheld"
    """This ledger was restored from files that leave the texts of its classification out."""
    ALTERED = "altered"
    """It is not the one that was recorded, or is gone without an event: `ledger verify` says more."""


def reference(event: UUID, opening: Opening) -> str:
    """The reference to a text of the event with that id."""
    return PREFIX + urlsafe_b64encode(event.bytes + _digest(opening)).decode()


def event_of(ref: str) -> UUID:
    """The id of the event that the reference belongs to."""
    return UUID(bytes=_content(ref)[:_ID_BYTES])


def belongs_to(ref: str, event: UUID) -> bool:
    """It is a reference to a text of that event."""
    return REFERENCE.fullmatch(ref) is not None and _content(ref)[:_ID_BYTES] == event.bytes


def opens(opening: Opening, ref: str) -> bool:
    """The reference was made of exactly this text and salt."""
    # HMAC fills a short key up with zeros: without a look at its length, a salt with more of them would open it too.
    return len(opening.salt) == SALT_BYTES and compare_digest(_digest(opening), _content(ref)[_ID_BYTES:])


def _content(ref: str) -> bytes:
    # As `urlsafe_b64decode` does, by half of the steps: verifying a log does it for nearly every entry.
    return a2b_base64(ref[len(PREFIX) :].encode().translate(_URLSAFE))


def _digest(opening: Opening) -> bytes:
    """HMAC-SHA256(salt, text): RFC 2104, for a key that is no longer than a block.

    By two hashes, in less time than by `hmac`, and without letting all other threads go first as `hmac.digest` does:
    it is done for each text that is recorded or verified.
    """
    key = opening.salt.ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(key.translate(_INNER) + opening.text.encode()).digest()
    return sha256(key.translate(_OUTER) + inner).digest()


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def commit_texts(event: Event, salt_of: Callable[[str], bytes]) -> tuple[Event, dict[str, Opening]]:
    """The event as it is recorded, with a reference for each text in it, and what opens them.

    `salt_of` gives a salt of 16 bytes for a path; no two texts may get the same, or whoever has one opening could
    guess the other. Nothing and the empty text stay as they are. Raises `Refused` for a text that cannot be kept.
    """
    openings: dict[str, Opening] = {}
    identity = UUID(event.id)

    def commit(path: str, _: Kind, text: str) -> str:
        if "\0" in text:
            raise Refused("nul_character", path, "the text holds the character U+0000, which no report can show")
        openings[path] = opening = Opening(salt_of(path), text)
        return reference(identity, opening)

    return map_texts(event, commit), openings


def map_texts(event: Event, change: Change) -> Event:
    """The event with each of its texts changed; those that are None or empty are left alone."""
    actor = _mapped(event.actor, "actor", change)
    data = _mapped(event.data, "data", change)
    return event if actor is event.actor and data is event.data else replace(event, actor=actor, data=data)


def map_data(data: S, change: Change) -> S:
    """The data of an event, or a value in it, with each of its texts changed; paths begin with `data`."""
    return _mapped(data, "data", change)


def is_person(path: str) -> bool:
    """The field with that path says who somebody is."""
    return path in _person_paths()


def text_fields(of: type[Struct]) -> Iterator[str]:
    """The names of the fields of an event's data, or of a value in it, that are texts themselves."""
    return (field.name for field in _fields(of) if field.kind is not None)


class _Field(Struct, frozen=True):
    """A field that is a text (`kind`), or holds values with texts in them."""

    name: str
    kind: Kind | None
    many: bool


def _mapped(value: S, path: str, change: Change) -> S:
    changed: dict[str, Any] = {}
    for field in _fields(type(value)):
        held = getattr(value, field.name)
        if not held:
            continue
        at = f"{path}.{field.name}"
        new: Any
        if field.kind is not None:
            new = change(at, field.kind, held)
        elif field.many:
            new = tuple(_mapped(each, f"{at}.{index}", change) for index, each in enumerate(held))
        else:
            new = _mapped(held, at, change)
        if new != held:
            changed[field.name] = new
    return replace(value, **changed) if changed else value


@cache
def _fields(of: type[Struct]) -> tuple[_Field, ...]:
    """The fields of the type that are texts or hold some, told by their types."""
    hints = typing.get_type_hints(of, include_extras=True)
    found = ((name, *_text_in(hints[name])) for name in of.__struct_fields__)
    return tuple(_Field(name, kind, many) for name, kind, many, inside in found if kind or inside)


def _text_in(hint: object) -> tuple[Kind | None, bool, bool]:
    """(kind of text that the type is, whether it is a tuple, whether there are texts inside of it)."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        kinds = [meta.extra[KIND_OF_TEXT] for meta in args[1:] if isinstance(meta, Meta) and meta.extra]
        return (kinds[0] if kinds else None), False, False
    if origin is tuple:
        return None, True, _text_in(args[0])[2]
    if origin in (UnionType, typing.Union):
        found = [_text_in(each) for each in args]
        return next((each for each in found if each[0] or each[2]), (None, False, False))
    is_struct = isinstance(hint, type) and issubclass(hint, Struct)
    return None, False, is_struct and bool(_fields(hint))


@cache
def _person_paths() -> frozenset[str]:
    found = set()
    for at, of in (("actor", Actor), *(("data", each) for each in EVENT_TYPES.values())):
        found |= {f"{at}.{field.name}" for field in _fields(of) if field.kind == "person"}
    return frozenset(found)


# ── anything else ────────────────────────────────────────────────────────────────────────────────────────────────────


def strings_in(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, string) for each string in plain values: dictionaries, sequences, records of ours."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from strings_in(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from strings_in(each, f"{path}.{index}")
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from strings_in(getattr(value, name), f"{path}.{name}" if path else name)


def references_in(*values: object) -> set[str]:
    """Every reference in plain values, on its own or as part of a sentence."""
    return {ref for value in values for _, text in strings_in(value) for ref in REFERENCE.findall(text)}


def put_in(value: T, texts: Mapping[str, str], word: Callable[[str], str] = str) -> T:
    """Plain values with each reference replaced by its text, and `word` of why it is absent where there is none.

    Once is enough and all that is right: a text may look like a reference.
    """
    new: object = value
    if isinstance(value, str) and PREFIX in value:
        new = REFERENCE.sub(lambda found: said(texts[found[0]], word), value)
    elif isinstance(value, Mapping):
        new = {key: put_in(each, texts, word) for key, each in value.items()}
    elif isinstance(value, list | tuple):
        new = type(value)(put_in(each, texts, word) for each in value)
    return cast("T", new)


def said(text: str, word: Callable[[str], str] = str) -> str:
    """The text, or the word for why it is absent."""
    return word(text.value) if isinstance(text, Absent) else text
