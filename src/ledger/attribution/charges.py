"""Charges: the runs up to a day, added up by unit and cause, in the shape in which reports show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from msgspec import Struct

from ledger.attribution.epochs import Epoch, Run
from ledger.attribution.labels import Cause, Concurrent
from ledger.domain.calendars.working_days import WorkingDays

Days = tuple[tuple[dt.date, dt.date], ...]
"""Ranges with both ends included, in order, never touching."""


class Slip(Struct, frozen=True):
    """How many days a task was open after its baseline."""

    calendar_days: int
    working_days: int


class LostDays(Struct, frozen=True):
    """A cause that held on those days beside the one that is charged with them."""

    unit: str
    cause: Cause
    ref: str | None
    days: Days


class Charge(Struct, frozen=True):
    """The slip days of one unit and cause; the fields are those of the JSON (DESIGN, section 9)."""

    unit: str
    cause: Cause
    ref: str | None
    through_ground: bool
    calendar_days: int
    working_days: int
    days: Days
    evidence: tuple[int, ...]
    concurrent: tuple[LostDays, ...]


def charges(epoch: Epoch, on: dt.date, working_days: WorkingDays) -> tuple[Charge, ...]:
    """The charges at the end of day `on`, which the epoch must hold: by unit, cause, ref, and through a ground last."""
    groups: dict[tuple[str, Cause, str | None, bool], list[tuple[dt.date, dt.date, Run]]] = {}
    for first, last, run in _until(epoch, on):
        groups.setdefault((run.unit, run.cause, run.ref, run.through_ground), []).append((first, last, run))
    ordered = sorted(groups.items(), key=lambda group: (*group[0][:2], group[0][2] or "", group[0][3]))
    return tuple(_charge(runs, working_days) for _, runs in ordered)


def slip(epoch: Epoch, on: dt.date, working_days: WorkingDays) -> Slip:
    """All slip days at the end of day `on`: what the charges add up to."""
    calendar = working = 0
    for first, last, _ in _until(epoch, on):
        calendar += _length(first, last)
        working += working_days.count(first, last + _DAY)
    return Slip(calendar, working)


_DAY = dt.timedelta(days=1)


def _until(epoch: Epoch, on: dt.date) -> Iterator[tuple[dt.date, dt.date, Run]]:
    """(first day, last day, run) for the runs up to day `on`."""
    for run in epoch.runs:
        if run.day_from > on:
            return
        last = on if run.day_to is None or run.day_to > on else run.day_to - _DAY
        yield run.day_from, last, run


def _charge(runs: list[tuple[dt.date, dt.date, Run]], working_days: WorkingDays) -> Charge:
    _, _, label = runs[0]
    days = _joined([(first, last) for first, last, _ in runs])
    lost: dict[Concurrent, list[tuple[dt.date, dt.date]]] = {}
    for first, last, run in runs:
        for concurrent in run.concurrent:
            lost.setdefault(concurrent, []).append((first, last))
    return Charge(
        unit=label.unit,
        cause=label.cause,
        ref=label.ref,
        through_ground=label.through_ground,
        calendar_days=sum(_length(first, last) for first, last in days),
        working_days=sum(working_days.count(first, last + _DAY) for first, last in days),
        days=days,
        evidence=tuple(sorted({position for _, _, run in runs for position in run.evidence})),
        concurrent=tuple(
            LostDays(c.unit, c.cause, c.ref, _joined(when))
            for c, when in sorted(lost.items(), key=lambda item: (item[0].unit, item[0].cause, item[0].ref or ""))
        ),
    )


def _joined(ranges: list[tuple[dt.date, dt.date]]) -> Days:
    """The ranges, which are in order, with those that touch made one."""
    joined: list[tuple[dt.date, dt.date]] = []
    for first, last in ranges:
        if joined and joined[-1][1] + _DAY == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(joined)


def _length(first: dt.date, last: dt.date) -> int:
    return (last - first).days + 1
