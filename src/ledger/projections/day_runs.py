"""Rows that hold for runs of days: equal neighbours are one row, and only what differs is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from msgspec import Struct

from ledger.domain.task import Segment, Situation, Task
from ledger.projections.base import Changes, Table, Values

Run = tuple[dt.date, Values]
"""From this day until the next run's, these values."""
Runs = tuple[Run, ...]


class Aspect(Struct, frozen=True):
    """What a table tells of a situation: its values, and a quick test for two situations telling the same."""

    table: Table
    values: Callable[[Situation], Values]
    same: Callable[[Situation, Situation], bool]


def advance(aspect: Aspect, runs: Runs, before: Task | None, after: Task, changes: Changes) -> Runs:
    """The runs of `after`, given those of `before`; what differs is put into `changes`.

    Rows are (task, day_from, day_to, *values), day_to None in the last. Costs what has changed: the usual step, which
    adds to the end or changes nothing, looks at the end alone.
    """
    old, new = before.segments if before is not None else (), after.segments
    if new is old:
        return runs
    shared = _shared(old, new)
    if shared and shared == len(old) == len(new) - 1 and aspect.same(old[-1].situation, new[-1].situation):
        return runs
    kept = len(runs) if shared else 0
    while kept and runs[kept - 1][0] > new[shared - 1].since:
        kept -= 1
    grown = list(runs[:kept])
    for segment in new[shared:]:
        values = aspect.values(segment.situation)
        if not grown or grown[-1][1] != values:
            grown.append((segment.since, values))
    return diff(aspect.table, after.code, runs, tuple(grown), changes, max(kept - 1, 0))


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
