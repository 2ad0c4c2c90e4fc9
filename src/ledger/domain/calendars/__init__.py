"""The days off that the product knows from the start, by country code: one frozen file a country.

The files (written once, by tools/calendar_tables.py) are never edited, because reports of the past rest on them: a
correction is a recorded event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from ledger.domain.calendars.working_days import DayKind
from ledger.errors import NotFound


class BaseTable(Struct, frozen=True):
    """The weekend and the exceptions of one country, as shipped; `first` to `last` are the days that were looked at.

    Outside of them only the weekend is known.
    """

    country: str
    source: str
    weekend: frozenset[int]
    """ISO weekdays: Monday is 1, Sunday 7."""
    first: dt.date
    last: dt.date
    exceptions: Mapping[dt.date, DayKind]


_TABLES = files("ledger.domain.calendars") / "tables"


@cache
def countries() -> frozenset[str]:
    """The codes (ISO 3166) of the countries that have a table."""
    return frozenset(file.name.removesuffix(".json") for file in _TABLES.iterdir() if file.name.endswith(".json"))


@cache
def base_table(country: str) -> BaseTable:
    """The table shipped for that country code. Raises `NotFound` when there is none: no day is guessed at."""
    if country not in countries():
        raise NotFound("table of days off for the country", country)
    read = msgspec.json.decode((_TABLES / f"{country}.json").read_bytes(), type=_File)
    off = {day: DayKind(working=False, name=name) for day, name in read.off.items()}
    worked = {day: DayKind(working=True, name=name) for day, name in read.worked.items()}
    exceptions = dict(sorted((off | worked).items()))
    return BaseTable(read.country, read.source, read.weekend, read.first, read.last, exceptions)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    country: str
    source: str
    first: dt.date
    last: dt.date
    weekend: frozenset[int]
    off: dict[dt.date, str]
    worked: dict[dt.date, str]
