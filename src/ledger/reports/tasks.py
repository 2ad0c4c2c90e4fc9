"""What several reports say of a task on a day: its progress, how long it has been silent, what blocks it."""

from __future__ import annotations

import datetime as dt

from ledger.domain.calendar import WorkingDays
from ledger.domain.task import Blocker, Situation


def percent_done(now: Situation) -> int | float | None:
    """The progress last reported, in per cent: whole where it can be; None before the first report."""
    points = now.percent
    if points is None:
        return None
    return points // 100 if points % 100 == 0 else points / 100


def missed_days(now: Situation, on: dt.date, working_days: WorkingDays) -> int | None:
    """The working days that have passed without a progress report; None of a task that owes none.

    A report is owed by a task that is open, has begun, is not suspended and does not await review. The days count from
    the last report, or from the assignment or planned start when that is later; its own day does not count.
    """
    if now.life != "open" or now.suspended_by is not None or (now.start is not None and now.start > on):
        return None
    since = max(day for day in (now.assigned_on, now.start, now.reported_on) if day is not None)
    # From the day after `since` to the end of `on`, without a day that the calendar may not have.
    return working_days.count(since, on) - working_days.is_working(since) + working_days.is_working(on)


def open_blockers(now: Situation) -> list[Blocker]:
    """Neither resolved nor rejected; the longest open first."""
    return sorted((b for b in now.blockers if b.is_open), key=lambda b: (b.raised_on, b.code))
