"""The days off that the product knows from the start, by country code: one frozen file a country.

The files are never edited, because reports of the past rest on them: a correction is a recorded event.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from ledger.domain.calendars.working_days import SATURDAY_AND_SUNDAY, DayKind


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


@cache
def base_table(country: str) -> BaseTable:
    """The table shipped for that country code; Saturdays and Sundays off, and nothing else, when there is none."""
    file = files("ledger.domain.calendars").joinpath(f"{country}.json")
    if not country.isalpha() or not file.is_file():
        return BaseTable(
            country, "no table is shipped: Saturdays and Sundays", SATURDAY_AND_SUNDAY, dt.date.max, dt.date.min, {}
        )
    read = msgspec.json.decode(file.read_bytes(), type=_File)
    exceptions = {day.date: DayKind(day.working, day.name) for day in read.exceptions}
    return BaseTable(read.country, read.source, read.weekend, read.first, read.last, exceptions)


class _Exception(Struct, frozen=True, forbid_unknown_fields=True):
    date: dt.date
    working: bool
    name: str


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    country: str
    source: str
    first: dt.date
    last: dt.date
    weekend: frozenset[int]
    exceptions: tuple[_Exception, ...]
