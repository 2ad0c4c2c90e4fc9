"""Rows that hold for runs of days: equal neighbours are one row, and only what differs is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from ledger.domain.task import Segment, Situation, Task
from ledger.projections.base import Changes, Table, Values

Run = tuple[dt.date, Values]
"""From this day until the next run's, these values."""
Runs = tuple[Run, ...]


def advance(
    table: Table,
    subject: str,
    runs: Runs,
    before: Task | None,
    after: Task,
    values_of: Callable[[Situation], Values],
    changes: Changes,
) -> Runs:
    """The runs of `after`, given those of `before`; what differs is put into `changes`.

    Rows are (subject, day_from, day_to, *values), day_to None in the last. Costs what has changed: a step that only
    adds to the end looks at the end.
    """
    shared = _shared(before.segments if before else (), after.segments)
    kept = len(runs)
    if shared == 0:
        kept = 0
    else:
        last = after.segments[shared - 1].since
        while kept and runs[kept - 1][0] > last:
            kept -= 1
    grown = list(runs[:kept])
    for segment in after.segments[shared:]:
        values = values_of(segment.situation)
        if not grown or grown[-1][1] != values:
            grown.append((segment.since, values))
    return diff(table, subject, runs, tuple(grown), changes, max(kept - 1, 0))


def diff(table: Table, subject: str, old: Runs, new: Runs, changes: Changes, start: int = 0) -> Runs:
    """`new`, after putting into `changes` how its rows from the `start`-th on differ from those of `old`."""
    before = {row[1]: row for row in _rows(subject, old, start)}
    after = {row[1]: row for row in _rows(subject, new, start)}
    for since in sorted(before.keys() | after.keys()):
        changes.replace(table, before.get(since), after.get(since))
    return new


def _rows(subject: str, runs: Runs, start: int) -> Iterator[Values]:
    for index in range(start, len(runs)):
        since, values = runs[index]
        until = runs[index + 1][0] if index + 1 < len(runs) else None
        yield (subject, since, until, *values)


def _shared(before: tuple[Segment, ...], after: tuple[Segment, ...]) -> int:
    """How many leading segments are the very same objects; a refold makes all of them anew."""
    size = len(before)
    if size and size <= len(after) and after[size - 1] is before[size - 1]:
        return size
    if size > 1 and size - 1 <= len(after) and after[size - 2] is before[size - 2]:
        return size - 1
    return 0
