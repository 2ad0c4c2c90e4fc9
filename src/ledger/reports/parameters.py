"""What a report may be asked besides scope, baseline and the two times: declared by the report, read by every door."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Literal, TypeVar, cast

from msgspec import Struct

from ledger.domain.times import parse_day
from ledger.errors import BadQuery

MAX_COUNT = 100_000
_COUNT = re.compile(r"[0-9]{1,6}", re.ASCII)


class Known(Struct, frozen=True):
    """What was known at a time: `as_of` in microseconds since 1970 UTC, and how many records that was."""

    as_of: int
    position: int


Value = int | str | dt.date | Known | None
V = TypeVar("V")


class Parameter(Struct, Generic[V], frozen=True):
    """One parameter. Its value is an int (`int`), a local day (`day`), a `Known` (`as_of`) or one of `choices`."""

    name: str
    kind: Literal["int", "day", "as_of", "choice"]
    default: V
    help: str
    choices: tuple[str, ...] = ()


KnownAt = Callable[[str, str], Known]
"""What was known at the time that the text gives, for the parameter of that name. Raises `BadQuery`."""


def read(
    report: str, declared: Sequence[Parameter[Value]], given: Mapping[str, str], known_at: KnownAt
) -> dict[str, Value]:
    """The values that the texts give, by name; raises `BadQuery`, naming the parameter, when one cannot be taken."""
    by_name = {parameter.name: parameter for parameter in declared}
    values: dict[str, Value] = {}
    for name, text in given.items():
        parameter = by_name.get(name)
        if parameter is None:
            takes = f"it takes {', '.join(by_name)}" if by_name else "it takes none of its own"
            raise BadQuery(name, f"the report {report} has no such parameter: {takes}")
        values[name] = _value(parameter, text, known_at)
    return values


def _value(parameter: Parameter[Value], text: str, known_at: KnownAt) -> Value:
    match parameter.kind:
        case "int":
            if not _COUNT.fullmatch(text) or int(text) > MAX_COUNT:
                raise BadQuery(parameter.name, f"{text!r} is not a whole number from 0 to {MAX_COUNT}")
            return int(text)
        case "day":
            day = parse_day(text)
            if day is None:
                raise BadQuery(parameter.name, f"{text!r} is not a day (2025-03-08)")
            return day
        case "as_of":
            return known_at(parameter.name, text)
        case "choice":
            if text not in parameter.choices:
                raise BadQuery(parameter.name, f"{text!r} is not one of {', '.join(parameter.choices)}")
            return text


def value_of(values: Mapping[str, Value], parameter: Parameter[V]) -> V:
    """The value given for the parameter, or its default."""
    return cast("V", values.get(parameter.name, parameter.default))
