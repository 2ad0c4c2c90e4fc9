"""What an entry says that bears on texts: its references, its stream, and how a task is classified."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct

from ledger.domain.texts import PREFIX, REFERENCE, Opening, Openings, opens
from ledger.domain.values import Classification

CLASSIFICATIONS: tuple[Classification, ...] = get_args(Classification)
"""From what anyone may read to what hardly anyone may."""
UNCLASSIFIED: Classification = "internal"
"""What texts of units, plans, calendars and of the ledger itself count as: tasks are that when nothing else is said."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading an entry that is none may raise."""
_QUOTED = f'"{PREFIX}'.encode()
_REFERENCE = re.compile(REFERENCE.pattern.encode())
_CLASSIFIED = b'"classification":"'


class _Data(Struct, frozen=True):
    classification: Classification = UNCLASSIFIED


class _Event(Struct, frozen=True):
    data: _Data


class _Entry(Struct, frozen=True):
    event: _Event


class _Plain(Struct, frozen=True):
    event: dict[str, Any]


_classified = msgspec.json.Decoder(_Entry)
_plain = msgspec.json.Decoder(_Plain)


def classification_of(first_entry: bytes) -> Classification:
    """What the first entry of a stream says of its classification."""
    return _classified.decode(first_entry).event.data.classification


def is_above(one: Classification, other: Classification) -> bool:
    """Fewer people may read what is classified as `one`."""
    return CLASSIFICATIONS.index(one) > CLASSIFICATIONS.index(other)


class Withheld(Struct, frozen=True):
    """What a restore has left out: texts above this classification, of events before that position."""

    above: Classification
    before: int


class Glance(Struct, frozen=True, gc=False):
    """An entry's stream, and its fields as they stand there, undecoded: a third of the work of reading it whole."""

    actor: dict[str, Raw]
    data: dict[str, Raw]
    stream: str

    def is_opened(self, path: str, opening: Opening) -> bool:
        """What the field at that path holds is a reference to this text."""
        place, name, below = _steps(path)
        raw = (self.data if place == "data" else self.actor if place == "actor" else {}).get(name)
        if raw is None:
            return False
        held = msgspec.json.decode(raw)
        for part in below:
            fields = {str(index): each for index, each in enumerate(held)} if isinstance(held, list) else held
            held = fields.get(part) if isinstance(fields, dict) else None
        return isinstance(held, str) and REFERENCE.fullmatch(held) is not None and opens(opening, held)


@lru_cache(1_000)
def _steps(path: str) -> tuple[str, str, list[str]]:
    place, _, rest = path.partition(".")
    name, *below = rest.split(".")
    return place, name, below


class _Glanced(Struct, frozen=True, gc=False):
    event: Glance


_glanced = msgspec.json.Decoder(_Glanced)


def bears_on_texts(content: bytes) -> bool:
    """The entry, or an entry in the bundle, may have references. Canonical JSON has no other spelling for them."""
    return _QUOTED in content


def bears_on_classes(content: bytes) -> bool:
    """The entry, or an entry in the bundle, may say how a task is classified."""
    return _CLASSIFIED in content


def glance(entry: bytes) -> Glance:
    """What the entry says in short. Raises `msgspec.DecodeError` for what is no entry."""
    return _glanced.decode(entry).event


def bare_references(entry: bytes) -> list[str]:
    """The references in the entry, one after another, without their paths."""
    return [found.decode() for found in _REFERENCE.findall(entry)]


def all_opened(entry: bytes, seen: Glance, openings: Openings) -> bool:
    """Each reference in the entry is opened by the opening under its path, and there is no other opening.

    False also when a text in the entry looks like a reference: `entry_texts` tells these apart.
    """
    if entry.count(_QUOTED) != len(openings):
        return False
    for path, opening in openings.items():  # noqa: SIM110  # a generator would cost as much as the look at the field
        if not seen.is_opened(path, opening):
            return False
    return True


class EntryTexts(Struct, frozen=True):
    """What an entry says that bears on texts."""

    stream: str
    classification: Classification | None
    """Of the task that it begins; None for any other entry."""
    references: dict[str, str]
    """By path in the event: the references that it holds."""


def entry_texts(entry: bytes) -> EntryTexts | None:
    """What the entry says that bears on texts, by one decoding; None, by none, when it says nothing of the kind.

    Raises `msgspec.DecodeError` for what is no entry.
    """
    if _QUOTED not in entry and _CLASSIFIED not in entry:
        return None
    event = _plain.decode(entry).event
    stream = msgspec.convert(event.get("stream"), str)
    begins = event.get("version") == 1 and stream.startswith("task/")
    classification = msgspec.convert(event, _Event).data.classification if begins else None
    return EntryTexts(stream, classification, _references(event))


def stray_opening(entry: bytes, openings: Openings) -> str | None:
    """The path of an opening that does not open the entry's reference under it; None when all do.

    There may be references that nothing opens. Raises `msgspec.DecodeError` for what is no entry.
    """
    if not openings or all_opened(entry, glance(entry), openings):
        return None
    references = entry_references(entry)
    return next(
        (path for path, opening in openings.items() if path not in references or not opens(opening, references[path])),
        None,
    )


def entry_references(entry: bytes) -> dict[str, str]:
    """By path in the event: the references that the entry holds. Raises `msgspec.DecodeError` for what is no JSON."""
    if _QUOTED not in entry:
        return {}
    decoded = msgspec.json.decode(entry)
    return _references(decoded.get("event") if isinstance(decoded, dict) else None)


def _references(event: object) -> dict[str, str]:
    found: dict[str, str] = {}
    _find_references(event, "", found)
    return found


def _find_references(value: object, path: str, found: dict[str, str]) -> None:
    """As `strings_in` goes, and several times as fast: verifying a log does it for nearly every entry."""
    if isinstance(value, dict):
        items: Iterable[tuple[object, object]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, each in items:
        if isinstance(each, str):
            if each.startswith(PREFIX) and REFERENCE.fullmatch(each):
                found[f"{path}{key}"] = each
        elif isinstance(each, dict | list):
            _find_references(each, f"{path}{key}.", found)
