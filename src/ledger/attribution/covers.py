"""The baselines of a task, one after the other, and what its extensions cover.

Against the original baseline a rebaseline reads as an extension without grounds. A deadline that is brought forward
gives no cover, and takes none back.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from ledger.attribution.spans import FAR
from ledger.attribution.timeline import Timeline
from ledger.domain.values import Deadline, Ground

BaselineKind = Literal["active", "original"]


class Baseline(Struct, frozen=True):
    """The baseline from the end of day `since` on, and the event that gives it. None: no deadline is known."""

    since: int
    deadline: Deadline | None
    position: int


class Cover(Struct, frozen=True):
    """The days after + 1 … until, which an extension covers from the end of the day on which it was decided."""

    decided: int
    after: int
    until: int
    grounds: tuple[Ground, ...]
    position: int

    @property
    def reaches_back(self) -> bool:
        """It covers days that came before the decision, so that the situation on an earlier day is another."""
        return self.after < self.decided


def baselines_and_covers(timeline: Timeline, kind: BaselineKind) -> tuple[list[Baseline], list[Cover]]:
    """The baselines by day, one a day, and the covers in the order decided."""
    baselines = [Baseline(timeline.assigned, timeline.first, timeline.begun)]
    covers = []
    for change in timeline.changes:
        rebaselines = change.grounds is None
        if rebaselines and (kind == "active" or baselines[-1].deadline is None):
            if baselines[-1].since == change.day:
                baselines.pop()
            baselines.append(Baseline(change.day, change.new, change.position))
        elif change.old is not None:
            old, until = change.old.last_day.toordinal(), change.new.last_day.toordinal()
            after = old if change.retroactive else max(old, change.day)
            if after < until:
                covers.append(Cover(change.day, after, until, change.grounds or (), change.position))
    return baselines, covers


def by_days(covers: Sequence[Cover]) -> list[tuple[int, int, tuple[Cover, ...]]]:
    """The covers of every day, in the order decided, as spans without gaps; mostly there are none or one."""
    bounds = sorted({0, FAR, *(cover.after for cover in covers), *(cover.until for cover in covers)})
    waiting = sorted(enumerate(covers), key=lambda pair: pair[1].after, reverse=True)
    there: list[tuple[int, Cover]] = []
    days = []
    for after, until in pairwise(bounds):
        there = [pair for pair in there if pair[1].until > after]
        while waiting and waiting[-1][1].after <= after:
            insort(there, waiting.pop(), key=lambda pair: pair[0])
        days.append((after, until, tuple(cover for _, cover in there)))
    return days
