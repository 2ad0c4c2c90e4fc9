"""What a task's events say, in the order in which they took effect: phases, blockers, changes of deadline.

Days are ordinals, and spans as in `spans`. Events that lost their ground change nothing, exactly as in
`ledger.domain.task.evolve`; that knows the situations, but not which event began what.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from ledger.attribution.labels import Claim, Phase, Standing
from ledger.attribution.spans import FAR
from ledger.domain import events as ev
from ledger.domain.events import Event
from ledger.domain.task.state import Task
from ledger.domain.values import Deadline, Ground


class Place(Struct, frozen=True):
    """Where an event stands in the log, and the local day on which it was recorded."""

    position: int
    recorded_on: dt.date


class Places(Protocol):
    """Where each event of a task lies, in order of version; asked only about the few that matter."""

    def __len__(self) -> int:
        """How many events the task has."""

    def __getitem__(self, index: int, /) -> Place:
        """The place of the event of version `index` + 1."""


class BlockerSpan(Struct, frozen=True):
    """A blocker that counts, on the days for which it is open. Of several, the lowest `rank` has the day."""

    after: int
    until: int
    rank: tuple[int, str, int]
    """(effective day, code, position)."""
    claim: Claim


class DeadlineChange(Struct, frozen=True):
    """An extension, or a rebaseline (`grounds` is None), decided on `day` when `old` was the deadline in force."""

    day: int
    old: Deadline | None
    new: Deadline
    grounds: tuple[Ground, ...] | None
    retroactive: bool
    position: int


class Timeline(Struct, frozen=True):
    """A task's past, read once for every baseline and every day."""

    assigned: int
    first: Deadline | None
    """The deadline of the assignment, whose position is `begun`."""
    begun: int
    standings: list[tuple[int, Standing]]
    """(after, standing) until the next; one entry a day."""
    blockers: list[BlockerSpan]
    """Those that count, in no order."""
    changes: list[DeadlineChange]
    """In the order decided."""


def read_timeline(task: Task, places: Places) -> Timeline:
    """The timeline of the standing events; `places[i]` is that of `task.events[i]`. O(events log events)."""
    if len(places) != len(task.events):
        raise ValueError(f"{len(places)} places are given for {len(task.events)} events")
    first = task.events[0]
    if not isinstance(first.data, ev.TaskAssigned):
        raise TypeError(f"stream {first.stream} begins with {first.type}, not with task.assigned")
    assigned, begun = first.day.toordinal(), places[0].position
    reading = _Reading(assigned, begun, first.data)
    dated = []
    handlers, retracted = _HANDLERS, task.retracted
    for event in task.events:
        handler = handlers.get(type(event.data))
        if handler is not None and event.version not in retracted:
            day, version = event.day.toordinal(), event.version
            dated.append((max(assigned, day), version, handler, event, places[version - 1]))
    dated.sort()
    for day, _, handler, event, place in dated:
        handler(reading, day, event, place)
    return Timeline(assigned, first.data.deadline, begun, reading.standings, reading.blocker_spans(), reading.changes)


class _Raised(Struct):
    """A blocker while its records are read."""

    day: int
    recorded: int
    code: str
    owner: str
    position: int
    until: int = FAR
    rejected: bool = False
    confirmed: int | None = None
    """Position of the confirmation."""


class _Reading:
    """The state between two events."""

    __slots__ = (
        "authority",
        "blockers",
        "changes",
        "deadline",
        "lead",
        "lead_began",
        "phase",
        "phase_began",
        "phase_unit",
        "standings",
        "submitted_on",
        "suspended_by",
        "suspension_began",
    )

    def __init__(self, day: int, position: int, data: ev.TaskAssigned) -> None:
        self.authority = data.authority
        self.lead, self.lead_began = data.lead, position
        self.phase: Phase = "open"
        self.phase_unit, self.phase_began = data.lead, position
        self.submitted_on = ""
        self.suspended_by: str | None = None
        self.suspension_began = position
        self.deadline = data.deadline
        self.blockers: list[_Raised] = []
        self.changes: list[DeadlineChange] = []
        self.standings: list[tuple[int, Standing]] = []
        self.note(day)

    def note(self, day: int) -> None:
        """What holds after `day` is what holds now; the last note of a day is the one that stays."""
        standing = Standing(
            self.phase,
            self.phase_unit,
            self.phase_began,
            self.lead,
            self.lead_began,
            self.suspended_by,
            self.suspension_began,
        )
        if self.standings and self.standings[-1][0] == day:
            self.standings.pop()
        self.standings.append((day, standing))

    def enter(self, day: int, phase: Phase, unit: str, position: int) -> None:
        """The task is in that phase from now on."""
        self.phase, self.phase_unit, self.phase_began = phase, unit, position
        if phase == "closed":
            self.suspended_by = None
        self.note(day)

    def blocker_spans(self) -> list[BlockerSpan]:
        """Those that count: a rejected one never does, one recorded late only from that day until it is confirmed."""
        spans = []
        for raised in self.blockers:
            evidence: tuple[int, ...] = (raised.position,)
            after = max(raised.day, raised.recorded)
            if raised.confirmed is not None:
                after, evidence = raised.day, (raised.position, raised.confirmed)
            if not raised.rejected and after < raised.until:
                claim = Claim(raised.owner, "blocker", raised.code, evidence)
                spans.append(BlockerSpan(after, raised.until, (raised.day, raised.code, raised.position), claim))
        return spans


def _lead_reassigned(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    now.lead, now.lead_began = data.lead, place.position
    now.note(day)


def _deadline_extended(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    old, new = now.deadline, data.new_deadline
    if old is not None and new.last_day > old.last_day:
        now.changes.append(DeadlineChange(day, old, new, data.grounds, data.retroactive, place.position))
        now.deadline = new


def _rebaselined(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    now.changes.append(DeadlineChange(day, now.deadline, data.new_deadline, None, False, place.position))
    now.deadline = data.new_deadline


def _brought_forward(now: _Reading, _: int, event: Event, __: Place) -> None:
    data: Any = event.data
    if now.deadline is not None and data.new_deadline.last_day < now.deadline.last_day:
        now.deadline = data.new_deadline


def _blocker_raised(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    recorded = place.recorded_on.toordinal()
    now.blockers.append(_Raised(day, recorded, data.blocker, data.owner, place.position))


def _blocker_confirmed(now: _Reading, _: int, event: Event, place: Place) -> None:
    for raised in _named(now, event):
        raised.confirmed, raised.rejected = place.position, False


def _blocker_rejected(now: _Reading, _: int, event: Event, __: Place) -> None:
    for raised in _named(now, event):
        raised.confirmed, raised.rejected = None, True


def _blocker_resolved(now: _Reading, day: int, event: Event, _: Place) -> None:
    for raised in _named(now, event):
        raised.until = min(raised.until, day)


def _named(now: _Reading, event: Event) -> list[_Raised]:
    data: Any = event.data
    return [raised for raised in now.blockers if raised.code == data.blocker]


def _submitted(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    if now.phase != "closed":
        now.submitted_on = event.effective[:10]
        now.enter(day, "review", data.reviewer, place.position)


def _returned(now: _Reading, day: int, _: Event, place: Place) -> None:
    if now.phase == "review":
        now.enter(day, "rework", now.lead, place.position)


def _accepted(now: _Reading, day: int, event: Event, place: Place) -> None:
    if now.phase == "review" and event.effective[:10] >= now.submitted_on:
        now.enter(day, "closed", now.lead, place.position)


def _cancelled(now: _Reading, day: int, _: Event, place: Place) -> None:
    if now.phase != "closed":
        now.enter(day, "closed", now.lead, place.position)


def _reopened(now: _Reading, day: int, event: Event, place: Place) -> None:
    data: Any = event.data
    if now.phase == "closed":
        phase: Phase = "scope_change" if data.cause == "scope" else "rework"
        now.enter(day, phase, event.actor.unit or now.authority, place.position)


def _suspended(now: _Reading, day: int, event: Event, place: Place) -> None:
    if now.phase != "closed":
        now.suspended_by, now.suspension_began = event.actor.unit or now.authority, place.position
        now.note(day)


def _resumed(now: _Reading, day: int, _: Event, __: Place) -> None:
    if now.suspended_by is not None:
        now.suspended_by = None
        now.note(day)


_HANDLERS: dict[type[ev.EventData], Callable[[_Reading, int, Event, Place], None]] = {
    ev.LeadReassigned: _lead_reassigned,
    ev.DeadlineExtended: _deadline_extended,
    ev.Rebaselined: _rebaselined,
    ev.DeadlineBroughtForward: _brought_forward,
    ev.BlockerRaised: _blocker_raised,
    ev.BlockerConfirmed: _blocker_confirmed,
    ev.BlockerRejected: _blocker_rejected,
    ev.BlockerResolved: _blocker_resolved,
    ev.ResultSubmitted: _submitted,
    ev.ResultReturned: _returned,
    ev.ResultAccepted: _accepted,
    ev.TaskCancelled: _cancelled,
    ev.TaskReopened: _reopened,
    ev.TaskSuspended: _suspended,
    ev.TaskResumed: _resumed,
}

AFFECTS_CHARGES: frozenset[type[ev.EventData]] = frozenset({*_HANDLERS, ev.TaskAssigned, ev.RecordRetracted})
"""The types of events that may change what is charged; after any other (a report, an officer) it is as before."""
