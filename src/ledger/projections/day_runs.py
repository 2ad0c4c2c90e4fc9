"""Rows that hold for runs of days: equal neighbours are one row, and only what differs is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from ledger.domain.events import EventData
from ledger.domain.task import Segment, Situation
from ledger.projections.base import Changes, Step, Table, Values

Run = tuple[dt.date, Values]
"""From this day until the next run's, these values."""
Runs = tuple[Run, ...]


class Aspect(Struct, frozen=True):
    """What a table tells of a situation, and the types of events that can change that."""

    table: Table
    part: Callable[[Situation], Any]
    """What the values come from: most segments differ in something else, and comparing is cheaper than writing."""
    values: Callable[[Any], Values]
    """The values of a row, of that part."""
    reads: frozenset[type[EventData]]

    def runs(self, segments: Iterable[Segment], before: Iterable[Run] = ()) -> Runs:
        """The runs of these segments, behind those before them."""
        grown = list(before)
        last = None
        for segment in segments:
            part = self.part(segment.situation)
            if part == last:
                continue
            values, last = self.values(part), part
            if not grown or grown[-1][1] != values:
                grown.append((segment.since, values))
        return tuple(grown)


def advance(aspect: Aspect, runs: Runs, step: Step, changes: Changes) -> Runs:
    """The runs after the step, given those before it; what differs is put into `changes`.

    Rows are (task, day_from, day_to, *values), day_to None in the last. Costs what has changed: the usual step, which
    adds to the end or changes nothing, looks at the end alone.
    """
    before, after = step.before, step.after
    if after is None or type(step.record.event.data) not in aspect.reads:
        return runs
    old, new = before.segments if before is not None else (), after.segments
    if new is old:
        return runs
    shared = _shared(old, new)
    kept = len(runs) if shared else 0
    while kept and runs[kept - 1][0] > new[shared - 1].since:
        kept -= 1
    grown = aspect.runs(new[shared:], runs[:kept])
    return diff(aspect.table, after.code, runs, grown, changes, max(kept - 1, 0))


def diff(table: Table, subject: str, old: Runs, new: Runs, changes: Changes, start: int = 0) -> Runs:
    """`new`, after putting into `changes` how its rows from the `start`-th on differ from those of `old`."""
    before, after = _rows(subject, old, start), _rows(subject, new, start)
    stays = set(before).intersection(after)
    changes.closed += [(table, table.key_of(row)) for row in before if row not in stays]
    changes.opened += [(table, row) for row in after if row not in stays]
    return new


def _rows(subject: str, runs: Runs, start: int) -> list[Values]:
    """The rows of the runs from the `start`-th on: each holds until the next begins."""
    some = runs[start:] if start else runs
    ends = (*(since for since, _ in some[1:]), None)
    return [(subject, since, until, *values) for (since, values), until in zip(some, ends, strict=False)]


def _shared(before: tuple[Segment, ...], after: tuple[Segment, ...]) -> int:
    """How many leading segments are the very same objects; a refold makes all of them anew."""
    size = len(before)
    if size and size <= len(after) and after[size - 1] is before[size - 1]:
        return size
    if size > 1 and size - 1 <= len(after) and after[size - 2] is before[size - 2]:
        return size - 1
    return 0
