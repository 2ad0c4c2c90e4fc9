"""Days as offices write them: `trước 15/10/2025`, `Quý IV/2025`, `by 15 October 2025`, `fin juin 2025`.

Nothing is guessed: what can be read in two ways, or names no day that exists, is a `DateError` with the reason.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from ledger.domain.rules import EARLIEST, LATEST
from ledger.domain.values import Deadline
from ledger.services.plan_files.folding import tidy, unaccented
from ledger.services.plan_files.raw import Cell

Kind = Literal["by", "before"]
Order = Literal["day_first", "unknown"]
"""day_first: 03/04/2025 is 3 April. unknown: it may be either, and is a fault."""


class DateError(ValueError):
    """Text from which no day can be had; the message says why and what to write instead."""


class Span(Struct, frozen=True):
    """A day, or a period of several."""

    first: dt.date
    last: dt.date

    @property
    def is_day(self) -> bool:
        """Whether it is a single day."""
        return self.first == self.last


_AS_BEFORE: Kind = "before"
_AS_BY: Kind = "by"
_BEFORE = (
    "hoan thanh truoc ngay", "hoan thanh truoc", "truoc ngay", "truoc", "before", "prior to", "avant le", "avant",
)  # fmt: skip
_BY = (
    "hoan thanh cham nhat ngay", "hoan thanh trong", "cham nhat la ngay", "cham nhat vao ngay", "cham nhat den ngay",
    "cham nhat ngay", "cham nhat den", "cham nhat la", "cham nhat", "khong muon hon ngay", "khong muon hon",
    "den het ngay", "den het", "truoc hoac trong ngay", "het ngay", "het", "den ngay", "den", "trong", "cuoi",
    "by the end of", "by end of", "by", "no later than", "not later than", "on or before", "until", "at the end of",
    "end of", "due", "in", "on", "au plus tard le", "au plus tard a la fin de", "au plus tard en", "au plus tard fin",
    "au plus tard", "d'ici le", "d'ici au", "d'ici a fin", "d'ici fin", "d'ici a", "d'ici", "jusqu'au", "jusqu'a fin",
    "pour le", "a la fin de", "fin de", "fin", "le", "en",
)  # fmt: skip
_SINCE = ("tu ngay", "tu", "bat dau tu ngay", "bat dau tu", "from", "starting", "a partir du", "a compter du", "des le")
_NEUTRAL = (None, "le", "en", "on", "in", "due")
"""Openings that leave to a column of its own whether `by` or `before` is meant."""
_STARTS: dict[str, Kind] = {
    **dict.fromkeys(_BEFORE, _AS_BEFORE),
    **dict.fromkeys(_BY, _AS_BY),
}

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv", "february feb fevrier fevr", "march mar mars", "april apr avril avr", "may mai",
            "june jun juin", "july jul juillet juil", "august aug aout", "september sep sept septembre",
            "october oct octobre", "november nov novembre", "december dec decembre",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_YEAR = r"(?P<y>\d{4})"
_OF = r"(?: ?/ ?| ?- ?| nam | de | of | )"

_NUMERIC = re.compile(r"(?P<a>\d{1,2})(?P<sep> ?[/.-] ?)(?P<b>\d{1,2})(?P=sep)(?P<y>\d{2,4})\.?")
_ISO = re.compile(r"(?P<y>\d{4})([/.-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})")
_DAYS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<d>\d{1,2}) thang (?P<m>\d{1,2})(?: nam |/| )" + _YEAR,
        rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th|er)?(?: of)? (?P<n>{_MONTH})\.?,? " + _YEAR,
        rf"(?P<n>{_MONTH})\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? " + _YEAR,
    )
)
_MONTHS_OF = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:thang )?(?P<m>\d{1,2})(?: ?/ ?| ?- ?)" + _YEAR,
        r"thang (?P<m>\d{1,2}) (?:nam )?" + _YEAR,
        rf"(?P<n>{_MONTH})\.?,?{_OF}" + _YEAR,
    )
)
_T_OF = re.compile(r"t\.? ?(?P<m>\d{1,2})" + _OF + _YEAR)
_QUARTERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:quy|q|trimestre|quarter) ?(?P<q>iv|iii|ii|i|[1-4])" + _OF + _YEAR,
        r"(?P<q>[1-4])(?:st|nd|rd|th|er|e|eme|ere) (?:trimestre|quarter)" + _OF + _YEAR,
    )
)
_HALVES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:h|s|semestre) ?(?P<h>[12])" + _OF + _YEAR,
        r"(?P<h>[12])(?:st|nd|er|e|eme) (?:semestre|half)" + _OF + _YEAR,
        r"6 thang (?P<w>dau|cuoi) nam " + _YEAR,
    )
)
_YEARS = re.compile(r"(?:nam |annee )?" + _YEAR)


def read_deadline(cell: Cell, order: Order, kind: Kind | None = None) -> Deadline:
    """The deadline that a cell names; `kind` is what a column of its own says. Raises `DateError`.

    A period ends with its last day. `before` a period may mean its beginning or its end, and is a fault.
    """
    if isinstance(cell, dt.date):
        return Deadline(_checked(cell), kind or "by")
    text = _written(cell)
    said, rest = _leading(text, _STARTS)
    wording = _STARTS[said] if said else "by"
    if kind and said not in _NEUTRAL and wording != kind:
        raise DateError(f"{text!r} says “{wording}”, and the column beside it says “{kind}”")
    kind = kind or wording
    span = read_span(rest, order, text)
    if kind == "before" and not span.is_day:
        raise DateError(f"{text!r} may mean before its first day or before its end: give the day")
    return Deadline(span.last, kind, text)


def read_start(cell: Cell, order: Order) -> dt.date:
    """The day on which something begins: of a period, its first day. Raises `DateError`."""
    if isinstance(cell, dt.date):
        return _checked(cell)
    text = _written(cell)
    _, rest = _leading(text, _SINCE)
    return read_span(rest, order, text).first


def read_span(folded: str, order: Order, text: str) -> Span:
    """The day or period that folded text names, which was written as `text`; raises `DateError`."""
    folded = re.sub(r"^(?:ngay|date:?) ", "", folded)
    iso, numeric = _ISO.fullmatch(folded), _NUMERIC.fullmatch(folded)
    if iso:
        return _day(int(iso["y"]), int(iso["m"]), int(iso["d"]), text)
    if numeric:
        return _numeric(numeric, order, text)
    for pattern in _DAYS:
        if match := pattern.fullmatch(folded):
            return _day(int(match["y"]), _month(match), int(match["d"]), text)
    if match := _YEARS.fullmatch(folded):
        return _months(int(match["y"]), 1, 12, text)
    for pattern in (*_MONTHS_OF, *((_T_OF,) if order == "day_first" else ())):
        if match := pattern.fullmatch(folded):
            if pattern is _T_OF and int(match["m"]) <= 4:
                raise DateError(f"{text!r} may be a month or a quarter: write it out")
            return _months(int(match["y"]), _month(match), _month(match), text)
    for pattern in _QUARTERS:
        if match := pattern.fullmatch(folded):
            quarter = _ROMAN[match["q"]]
            return _months(int(match["y"]), 3 * quarter - 2, 3 * quarter, text)
    for pattern in _HALVES:
        if match := pattern.fullmatch(folded):
            groups = match.groupdict()
            half = int(groups["h"]) if "h" in groups else {"dau": 1, "cuoi": 2}[groups["w"]]
            return _months(int(match["y"]), 6 * half - 5, 6 * half, text)
    raise DateError(f"{text!r} names no day: write a day as 2025-10-15, or as a date cell")


def _numeric(match: re.Match[str], order: Order, text: str) -> Span:
    first, second, year = int(match["a"]), int(match["b"]), match["y"]
    if len(year) != 4:
        raise DateError(f"{text!r} has no year of four digits")
    if order == "day_first" or (first > 12 >= second) or first == second:
        return _day(int(year), second, first, text)
    if second > 12 >= first:
        return _day(int(year), first, second, text)
    if first > 12:
        raise DateError(f"{text!r} is no day: neither number is a month")
    raise DateError(f"{text!r} is ambiguous, day or month first: write 2025-10-15, or make it a date cell")


def _day(year: int, month: int, day: int, text: str) -> Span:
    try:
        found = _checked(dt.date(year, month, day))
    except ValueError as error:
        if isinstance(error, DateError):
            raise
        raise DateError(f"{text!r} is impossible: {_why(year, month, day)}") from error
    return Span(found, found)


def _why(year: int, month: int, day: int) -> str:
    if not 1 <= month <= 12:
        return f"there is no month {month}"
    return f"there is no day {day} in {year:04d}-{month:02d}"


def _months(year: int, first: int, last: int, text: str) -> Span:
    if not 1 <= first <= last <= 12:
        raise DateError(f"{text!r} is impossible: there is no month {first}")
    if not EARLIEST.year <= year <= LATEST.year:
        raise DateError(f"{text!r} does not lie between {EARLIEST.year} and {LATEST.year}")
    return Span(dt.date(year, first, 1), dt.date(year, last, calendar.monthrange(year, last)[1]))


def _checked(day: dt.date) -> dt.date:
    if not EARLIEST <= day <= LATEST:
        raise DateError(f"{day} does not lie between {EARLIEST} and {LATEST}")
    return day


def _month(match: re.Match[str]) -> int:
    groups = match.groupdict()
    return int(groups["m"]) if "m" in groups else _MONTHS[groups["n"]]


def _written(cell: Cell) -> str:
    """The text of a cell; a whole number of four digits is a year. Raises `DateError`."""
    if isinstance(cell, float):
        if cell.is_integer() and EARLIEST.year <= cell <= LATEST.year:
            return str(int(cell))
        raise DateError(f"{cell:g} is a number, not a day: format the cell as a date")
    if not isinstance(cell, str) or not cell.strip():
        raise DateError("it names no day")
    return tidy(cell)


def _leading(text: str, starts: Iterable[str]) -> tuple[str | None, str]:
    """(the longest opening word or words that the text begins with, the rest), both folded."""
    folded = unaccented(text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").strip(" .;")
    for start in sorted(starts, key=len, reverse=True):
        if folded.startswith((f"{start} ", f"{start}:")):
            return start, folded[len(start) :].strip(" :")
    return None, folded
