"""A task as its events leave it: the situation at the end of each local day on which something happened."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ledger.domain.events import Event, happened_before
from ledger.domain.values import Classification, Deadline, Ground, PlanItemRef, Priority

Life = Literal["open", "submitted", "done", "cancelled"]


class Blocker(Struct, frozen=True):
    """What holds a task up, and who owns it. `verdict` is the authority's word on it, when given."""

    code: str
    owner: str
    category: str
    description: str
    proposal: str
    raised_by: str | None
    raised_on: dt.date
    resolved_on: dt.date | None = None
    verdict: Literal["confirmed", "rejected"] | None = None

    @property
    def is_open(self) -> bool:
        """Neither resolved nor rejected."""
        return self.resolved_on is None and self.verdict != "rejected"


class ExtensionRequest(Struct, frozen=True):
    """An extension asked for and not yet answered."""

    code: str
    by: str | None
    new_deadline: Deadline
    grounds: tuple[Ground, ...]


class Situation(Struct, frozen=True, kw_only=True, gc=False):
    """A task at the end of one local day."""

    title: str
    lead: str
    coordinating: tuple[str, ...]
    officer: str | None
    authority: str
    result: str | None
    start: dt.date | None
    priority: Priority
    classification: Classification
    plan_items: tuple[PlanItemRef, ...]
    assigned_on: dt.date
    assigned_at: str
    """The assignment's `effective`: a local day or an instant."""
    original: Deadline | None
    """The deadline first given."""
    baseline: Deadline | None
    """The deadline first given, or the one it was last rebaselined to."""
    deadline: Deadline | None
    """The deadline in force."""
    life: Life = "open"
    suspended_by: str | None = None
    percent: int | None = None
    """Basis points; None before the first report."""
    reported_on: dt.date | None = None
    reviewer: str | None = None
    submitted_on: dt.date | None = None
    submitted_at: str | None = None
    """The submission's `effective`: a local day or an instant."""
    submitted_against: Deadline | None = None
    """The deadline in force when the standing submission was made: on-time status is judged by it."""
    closed_on: dt.date | None = None
    """The day of acceptance or cancellation, while the task is closed."""
    returns: int = 0
    blockers: tuple[Blocker, ...] = ()
    requests: tuple[ExtensionRequest, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Done or cancelled."""
        return self.life in ("done", "cancelled")

    @property
    def ends_before_start(self) -> bool:
        """The result is dated before the assignment, if only by minutes: possible in paper work, and always flagged."""
        if self.life != "done" or self.submitted_at is None:
            return False
        return happened_before(self.submitted_at, self.assigned_at)

    def blocker(self, code: str) -> Blocker | None:
        """The blocker of that code as it stands that day, or None."""
        return next((b for b in self.blockers if b.code == code), None)


class Segment(Struct, frozen=True, gc=False):
    """The situation from the end of local day `since` until the next segment's day."""

    since: dt.date
    situation: Situation


class Task(Struct, frozen=True, gc=False):
    """All that is known of a task: its events in the order recorded, and the segments that follow from them.

    `events[i]` has version i + 1. Events that were retracted stay in `events`, and count for nothing in `segments`.
    """

    code: str
    events: tuple[Event, ...]
    retracted: frozenset[int]
    segments: tuple[Segment, ...]
    latest: dt.date
    """The last local day on which a standing event is dated, whether it changed anything or not."""

    @property
    def version(self) -> int:
        """The version of the last event recorded."""
        return len(self.events)

    @property
    def assigned_on(self) -> dt.date:
        """The local day on which the task was assigned."""
        return self.events[0].day

    def standing(self) -> Iterator[Event]:
        """The events that were not retracted, in version order."""
        return (event for event in self.events if event.version not in self.retracted)

    def situation(self, on: dt.date) -> Situation | None:
        """The situation at the end of local day `on`, or None before the task was assigned."""
        index = bisect_right(self.segments, on, key=lambda segment: segment.since)
        return self.segments[index - 1].situation if index else None
