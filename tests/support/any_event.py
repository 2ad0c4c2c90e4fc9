"""Events of every type with whatever their fields may hold, nasty texts above all."""

from __future__ import annotations

import datetime as dt
import re
import types
import typing
from functools import cache
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from msgspec import Meta, Struct

from ledger.domain.events import EVENT_TYPES, Actor, Event, EventData

NASTY = '\u2028\u2029\x7f\x01\x1f\b\t\n\f\r"\\/<&>\ufeff\ufffe\uffff\U0001f3db\U0010ffff\u0301\xa0éộ'
"""Line separators, controls, DEL, JSON's own characters, a byte order mark, noncharacters, astral, combining."""

TEXTS = st.text(
    st.sampled_from(NASTY) | st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30
)
CODES = TEXTS.map(lambda text: re.sub(r"[\x00-\x1f\x7f]", "", text).strip()).filter(bool)
_PATTERNS = {"^[0-9a-f]{64}": st.binary(min_size=32, max_size=32).map(bytes.hex), "^-?[0-9]": st.just("-12.5")}
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))


def any_value(of: object) -> st.SearchStrategy[Any]:
    """Whatever a field of that type may hold."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS, int: INTEGERS, bool: st.booleans(), dt.date: DAYS, types.NoneType: st.none()
    }  # fmt: skip
    if of in plain:
        return plain[of]
    origin, args = get_origin(of), get_args(of)
    if origin is typing.Annotated:
        return _constrained(any_value(args[0]), args[1])
    if origin is Literal:
        return st.sampled_from(args)
    if origin is tuple:
        return st.lists(any_value(args[0]), max_size=3).map(tuple)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(any_value, args))
    assert issubclass(of, Struct), of
    return st.deferred(lambda: _any_struct(of))


def _constrained(plain: st.SearchStrategy[Any], meta: Meta) -> st.SearchStrategy[Any]:
    """What commands do not let through cannot be in an event."""
    if meta.ge is not None:
        return plain.map(abs)
    if meta.pattern is None:
        return plain.filter(lambda text: len(text) >= (meta.min_length or 0))
    return next((made for start, made in _PATTERNS.items() if meta.pattern.startswith(start)), CODES)


@cache
def _any_struct(of: type[Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(of, include_extras=True)
    return st.fixed_dictionaries({name: any_value(hints[name]) for name in of.__struct_fields__}).map(lambda d: of(**d))


@cache
def events_of(cls: type[EventData]) -> st.SearchStrategy[Event]:
    """Events of that type."""
    return st.builds(
        Event,
        actor=st.builds(Actor, st.none() | TEXTS, st.none() | TEXTS.filter(bool)),
        causation=st.none() | TEXTS,
        correlation=st.none() | TEXTS,
        data=any_value(cls),
        effective=DAYS.map(dt.date.isoformat),
        id=st.uuids(version=4).map(str),
        stream=TEXTS,
        type=st.just(cls.type_name),
        v=st.just(cls.schema_version),
        version=st.integers(1, 2**31 - 1),
    )


EVENTS = st.sampled_from(list(EVENT_TYPES.values())).flatmap(events_of)
"""Events of all types."""
RECORDED_AT = st.integers(10**15, 2**53 - 1)
"""Microseconds of the years 2001 to 2255, which JSON's numbers hold exactly."""
