"""How events change a task. Total: an event that has lost its ground changes nothing, and is never an error.

Events take effect in the order in which they happened: by local day, then by version. The assignment comes first,
whatever its day, so a result dated before it takes effect on the day of assignment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Iterable, Iterator
from operator import itemgetter
from typing import Any

from msgspec.structs import replace

from ledger.domain import events as ev
from ledger.domain.events import Event
from ledger.domain.task.state import Blocker, ExtensionRequest, Segment, Situation, Task

Handler = Callable[[Situation, Event, Any], Situation]


def fold(code: str, events: Iterable[Event]) -> Task | None:
    """The task after all `events` of its stream, in version order; None when there are none.

    What `evolve` makes of them one by one, for one step an event however they are dated.
    """
    every = tuple(events)
    if not every:
        return None
    return _refolded(code, every, frozenset(e.data.version for e in every if isinstance(e.data, ev.RecordRetracted)))


def evolve(task: Task | None, event: Event, code: str) -> Task:
    """The task after one more event of its stream.

    The usual event, not earlier in effect than the last, costs one step; a backdated one or a retraction folds the
    task's events anew.
    """
    if task is None:
        return _refolded(code, (event,), frozenset())
    events = (*task.events, event)
    if isinstance(event.data, ev.RecordRetracted):
        return _refolded(code, events, task.retracted | {event.data.version})
    day = event.day
    if day < task.latest:
        return _refolded(code, events, task.retracted)
    return Task(code, events, task.retracted, _extended(task.segments, [(day, event)]), day)


def step(now: Situation, event: Event) -> Situation:
    """The situation after the event; `now` itself when the event changes nothing, or could not have happened then."""
    handler = _HANDLERS.get(type(event.data))
    return handler(now, event, event.data) if handler else now


def walk(task: Task, of: Container[type[ev.EventData]] | None = None) -> Iterator[tuple[Event, Situation, Situation]]:
    """(event, situation before it, situation after it) for the standing events, in the order in which they took effect.

    The assignment, which begins it all, is not among them. With `of`, events of other types are passed over as if they
    had not happened: the situations tell only what follows from the rest.
    """
    first, *rest = task.events
    now = _assigned(first)
    standing = (e for e in rest if (of is None or type(e.data) in of) and e.version not in task.retracted)
    for _, event in in_effect_order(standing, first.day):
        after = step(now, event)
        yield event, now, after
        now = after


def in_effect_order(events: Iterable[Event], assigned_on: dt.date) -> list[tuple[dt.date, Event]]:
    """The events, given in order of version, with the local day on which each takes effect.

    That is never before the assignment.
    """
    dated = [(max(event.day, assigned_on), event) for event in events if type(event.data) is not ev.RecordRetracted]
    dated.sort(key=_first)  # which leaves those of one day in their order
    return dated


_first = itemgetter(0)


def _refolded(code: str, events: tuple[Event, ...], retracted: frozenset[int]) -> Task:
    first, *rest = events
    standing = (event for event in rest if event.version not in retracted)
    dated = in_effect_order(standing, first.day)
    latest = dated[-1][0] if dated else first.day
    return Task(code, events, retracted, _extended((Segment(first.day, _assigned(first)),), dated), latest)


def _extended(segments: tuple[Segment, ...], dated: Iterable[tuple[dt.date, Event]]) -> tuple[Segment, ...]:
    """The segments after these events, the first of which takes effect no earlier than the last segment begins."""
    grown = list(segments)
    now = grown[-1].situation
    for day, event in dated:
        after = step(now, event)
        if after is now:
            continue
        if grown[-1].since == day:
            grown.pop()
        grown.append(Segment(day, after))
        now = after
    return tuple(grown)


def _assigned(event: Event) -> Situation:
    data = event.data
    if not isinstance(data, ev.TaskAssigned):
        raise TypeError(f"stream {event.stream} begins with {event.type}, not with task.assigned")
    return Situation(
        title=data.title,
        lead=data.lead,
        coordinating=data.coordinating,
        officer=data.officer,
        authority=data.authority,
        result=data.result,
        start=data.start,
        priority=data.priority,
        classification=data.classification,
        plan_items=data.plan_items,
        assigned_on=event.day,
        assigned_at=event.effective,
        original=data.deadline,
        baseline=data.deadline,
        deadline=data.deadline,
    )


def _lead_reassigned(now: Situation, _: Event, data: ev.LeadReassigned) -> Situation:
    return replace(now, lead=data.lead)


def _coordinating_set(now: Situation, _: Event, data: ev.CoordinatingSet) -> Situation:
    return replace(now, coordinating=data.units)


def _officer_named(now: Situation, _: Event, data: ev.OfficerNamed) -> Situation:
    return replace(now, officer=data.officer)


def _extension_requested(now: Situation, event: Event, data: ev.ExtensionRequested) -> Situation:
    request = ExtensionRequest(data.request, event.actor.unit, data.new_deadline, data.grounds)
    return replace(now, requests=(*now.requests, request))


def _extension_refused(now: Situation, _: Event, data: ev.ExtensionRefused) -> Situation:
    requests = _without(now, data.request)
    return now if len(requests) == len(now.requests) else replace(now, requests=requests)


def _deadline_extended(now: Situation, _: Event, data: ev.DeadlineExtended) -> Situation:
    if now.deadline is None or data.new_deadline.last_day <= now.deadline.last_day:
        return now
    return replace(now, deadline=data.new_deadline, requests=_without(now, data.request))


def _rebaselined(now: Situation, _: Event, data: ev.Rebaselined) -> Situation:
    new = data.new_deadline
    return replace(now, deadline=new, baseline=new, original=now.original or new)


def _brought_forward(now: Situation, _: Event, data: ev.DeadlineBroughtForward) -> Situation:
    if now.deadline is None or data.new_deadline.last_day >= now.deadline.last_day:
        return now
    return replace(now, deadline=data.new_deadline)


def _progress_reported(now: Situation, event: Event, data: ev.ProgressReported) -> Situation:
    return replace(now, percent=data.percent, reported_on=event.day)


def _blocker_raised(now: Situation, event: Event, data: ev.BlockerRaised) -> Situation:
    blocker = Blocker(
        code=data.blocker,
        owner=data.owner,
        category=data.category,
        description=data.description,
        proposal=data.proposal,
        raised_by=event.actor.unit,
        raised_on=event.day,
    )
    return replace(now, blockers=(*now.blockers, blocker))


def _blocker_confirmed(now: Situation, _: Event, data: ev.BlockerConfirmed) -> Situation:
    return _changed_blocker(now, data.blocker, verdict="confirmed")


def _blocker_rejected(now: Situation, _: Event, data: ev.BlockerRejected) -> Situation:
    return _changed_blocker(now, data.blocker, verdict="rejected")


def _blocker_resolved(now: Situation, event: Event, data: ev.BlockerResolved) -> Situation:
    return _changed_blocker(now, data.blocker, resolved_on=event.day)


def _result_submitted(now: Situation, event: Event, data: ev.ResultSubmitted) -> Situation:
    if now.is_closed:
        return now
    return replace(
        now,
        life="submitted",
        reviewer=data.reviewer,
        submitted_on=event.day,
        submitted_at=event.effective,
        submitted_against=now.deadline,
    )


def _result_returned(now: Situation, _: Event, __: ev.ResultReturned) -> Situation:
    if now.life != "submitted":
        return now
    return replace(_unsubmitted(now), returns=now.returns + 1)


def _result_accepted(now: Situation, event: Event, _: ev.ResultAccepted) -> Situation:
    day = event.day
    if now.life != "submitted" or now.submitted_on is None or day < now.submitted_on:
        return now
    return replace(now, life="done", closed_on=day, suspended_by=None)


def _suspended(now: Situation, event: Event, _: ev.TaskSuspended) -> Situation:
    return now if now.is_closed else replace(now, suspended_by=event.actor.unit or now.authority)


def _resumed(now: Situation, _: Event, __: ev.TaskResumed) -> Situation:
    return now if now.suspended_by is None else replace(now, suspended_by=None)


def _cancelled(now: Situation, event: Event, _: ev.TaskCancelled) -> Situation:
    if now.is_closed:
        return now
    return replace(now, life="cancelled", closed_on=event.day, suspended_by=None)


def _reopened(now: Situation, _: Event, __: ev.TaskReopened) -> Situation:
    return replace(_unsubmitted(now), closed_on=None) if now.is_closed else now


def _unsubmitted(now: Situation) -> Situation:
    return replace(now, life="open", reviewer=None, submitted_on=None, submitted_at=None, submitted_against=None)


def _without(now: Situation, request: str | None) -> tuple[ExtensionRequest, ...]:
    return tuple(r for r in now.requests if r.code != request)


def _changed_blocker(now: Situation, code: str, **change: object) -> Situation:
    if now.blocker(code) is None:
        return now
    blockers = tuple(replace(b, **change) if b.code == code else b for b in now.blockers)
    return replace(now, blockers=blockers)


_HANDLERS: dict[type[ev.EventData], Handler] = {
    ev.LeadReassigned: _lead_reassigned,
    ev.CoordinatingSet: _coordinating_set,
    ev.OfficerNamed: _officer_named,
    ev.ExtensionRequested: _extension_requested,
    ev.ExtensionRefused: _extension_refused,
    ev.DeadlineExtended: _deadline_extended,
    ev.Rebaselined: _rebaselined,
    ev.DeadlineBroughtForward: _brought_forward,
    ev.ProgressReported: _progress_reported,
    ev.BlockerRaised: _blocker_raised,
    ev.BlockerConfirmed: _blocker_confirmed,
    ev.BlockerRejected: _blocker_rejected,
    ev.BlockerResolved: _blocker_resolved,
    ev.ResultSubmitted: _result_submitted,
    ev.ResultReturned: _result_returned,
    ev.ResultAccepted: _result_accepted,
    ev.TaskSuspended: _suspended,
    ev.TaskResumed: _resumed,
    ev.TaskCancelled: _cancelled,
    ev.TaskReopened: _reopened,
}
