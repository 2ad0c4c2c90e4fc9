"""Which days are worked, and how many of them lie in a range: by arithmetic, whatever its length."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Set
from itertools import accumulate

from msgspec import Struct


class DayKind(Struct, frozen=True):
    """Whether a day that stands out is worked, and what it is called."""

    working: bool
    name: str


class WorkingDays(Struct, frozen=True):
    """A week, and the days that differ from it. Made by `working_days_of`; equal when they count alike."""

    weekend: frozenset[int]
    """ISO weekdays: Monday is 1, Sunday 7."""
    exceptions: Mapping[dt.date, DayKind]
    """Every day that stands out, also one that is off as its weekday is."""
    worked_before: tuple[int, ...]
    """How many days of a week are worked before its Monday, its Tuesday, …: 0 to 7 entries on, Monday first."""
    ordinals: tuple[int, ...]
    """The days that differ from their weekday, as ordinals (1 is Monday, 1 January of year 1), in order."""
    differences: tuple[int, ...]
    """`differences[i]`: by how many working days the first i of `ordinals` change the count."""

    def is_working(self, day: dt.date) -> bool:
        """The day is worked: by what is said of it, else by its weekday."""
        kind = self.exceptions.get(day)
        return kind.working if kind is not None else day.isoweekday() not in self.weekend

    def name(self, day: dt.date) -> str | None:
        """What the day is called when it stands out, else None."""
        kind = self.exceptions.get(day)
        return kind.name if kind is not None else None

    def count(self, day_from: dt.date, day_to: dt.date) -> int:
        """The working days from `day_from` to before `day_to`; 0 when that is no day. O(log exceptions)."""
        first, end = day_from.toordinal(), day_to.toordinal()
        if end <= first:
            return 0
        return self._before(end) - self._before(first)

    def _before(self, ordinal: int) -> int:
        """The working days from ordinal 1, a Monday, to before `ordinal`."""
        weeks, rest = divmod(ordinal - 1, 7)
        by_weekday = weeks * self.worked_before[7] + self.worked_before[rest]
        return by_weekday + self.differences[bisect_left(self.ordinals, ordinal)]


def working_days_of(weekend: Set[int], exceptions: Mapping[dt.date, DayKind]) -> WorkingDays:
    """The days that are worked with that weekend (ISO weekdays) and those exceptions."""
    worked = [int(weekday not in weekend) for weekday in range(1, 8)]
    changes = sorted(
        (day.toordinal(), 1 if kind.working else -1)
        for day, kind in exceptions.items()
        if kind.working == (day.isoweekday() in weekend)
    )
    return WorkingDays(
        weekend=frozenset(weekend),
        exceptions=dict(exceptions),
        worked_before=tuple(accumulate(worked, initial=0)),
        ordinals=tuple(ordinal for ordinal, _ in changes),
        differences=tuple(accumulate((change for _, change in changes), initial=0)),
    )
