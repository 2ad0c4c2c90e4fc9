"""Which commands a task takes, and the events that answer them.

A command is judged at its place: against the situation at the end of the day on which it takes effect, as known
now. So a late record about a closed task's past is taken, and one that cannot have happened is refused: for
what came before it, or for what is recorded of the days after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.rules import Known, Moment, check_day, check_moment, check_references
from ledger.domain.task.deadlines import (
    check_brought_forward,
    check_deadline,
    check_extension,
    check_rebaseline,
    rolled,
)
from ledger.domain.task.late import check_later
from ledger.domain.task.state import Situation, Task
from ledger.domain.values import basis_points
from ledger.errors import Refused

Answer = Callable[[Task, Situation, Any, Moment], ev.EventData]


def decide(
    task: Task | None, code: str, command: cmd.TaskCommand, moment: Moment, known: Known
) -> tuple[ev.EventData, ...]:
    """The events that record the command; raises `Refused`, naming the field, when it may not be recorded.

    `task` is None when no such task exists.
    """
    command = _with_rolled_deadline(command, known)
    check_moment(moment)
    if isinstance(command, cmd.AssignTask):
        if task is not None:
            raise Refused("task_exists", "task", f"task {code} is already assigned")
        check_references(command, moment, known)
        return (_assigned(command, moment),)
    if task is None:
        raise Refused("unknown_task", "task", f"task {code} is not assigned yet")
    check_references(command, moment, known)
    situation = _situation_at(task, command, moment)
    answer = _ANSWERS[type(command)](task, situation, command, moment)
    check_later(task, situation, answer, moment)
    return (answer,)


def _with_rolled_deadline(command: cmd.TaskCommand, known: Known) -> cmd.TaskCommand:
    """The command with its deadline, if it gives one, on the day to which the calendar moves it."""
    for field in ("deadline", "new_deadline"):
        given = getattr(command, field, None)
        if given is not None:
            return replace(command, **{field: rolled(given, known.working_days, f"data.{field}")})
    return command


def _situation_at(task: Task, command: cmd.TaskCommand, moment: Moment) -> Situation:
    """The situation in which the command takes effect.

    A result may be dated before the assignment (it is flagged); nothing else may. Verdicts on blockers and
    retractions are taken on a closed task too: they are about its past.
    """
    situation = task.situation(moment.day)
    if situation is None:
        if not isinstance(command, (cmd.SubmitResult, cmd.AcceptResult)):
            raise Refused(
                "before_assignment",
                "effective_at",
                f"{moment.day} lies before {task.assigned_on}, the day on which the task was assigned",
            )
        situation = task.segments[0].situation
    about_the_past = (cmd.ConfirmBlocker, cmd.RejectBlocker, cmd.RetractRecord, cmd.ReopenTask)
    if situation.is_closed and not isinstance(command, about_the_past):
        raise Refused(
            "task_closed",
            "task",
            f"the task is {situation.life} since {situation.closed_on}: reopen it, or date the record before that day",
        )
    return situation


def _assigned(command: cmd.AssignTask, moment: Moment) -> ev.TaskAssigned:
    if command.start is not None:
        check_day(command.start, "data.start")
    if command.deadline is not None:
        check_deadline(command.deadline, "data.deadline")
        if command.start is not None and command.start > command.deadline.last_day:
            raise Refused("start_after_deadline", "data.start", "the planned start lies after the deadline")
    return ev.TaskAssigned(
        title=command.title,
        lead=command.lead,
        coordinating=_without_repeats(command.coordinating, "data.coordinating"),
        officer=command.officer,
        authority=command.authority or moment.acting_unit,
        result=command.result,
        indicators=command.indicators,
        start=command.start,
        deadline=command.deadline,
        plan_items=command.plan_items,
        priority=command.priority,
        classification=command.classification,
    )


def _lead_reassigned(_: Task, now: Situation, command: cmd.ReassignLead, __: Moment) -> ev.EventData:
    if command.lead == now.lead:
        raise Refused("same_lead", "data.lead", f"{command.lead} leads the task already")
    return ev.LeadReassigned(lead=command.lead, reason=command.reason)


def _coordinating_set(_: Task, __: Situation, command: cmd.SetCoordinating, ___: Moment) -> ev.EventData:
    return ev.CoordinatingSet(units=_without_repeats(command.units, "data.units"))


def _officer_named(_: Task, __: Situation, command: cmd.NameOfficer, ___: Moment) -> ev.EventData:
    return ev.OfficerNamed(officer=command.officer)


def _extension_requested(task: Task, now: Situation, command: cmd.RequestExtension, moment: Moment) -> ev.EventData:
    if _naming(task, "request", command.request, ev.ExtensionRequested):
        raise Refused("request_exists", "data.request", f"extension request {command.request} was made before")
    check_extension(task, now, command.new_deadline, command.grounds, moment.day)
    return ev.ExtensionRequested(
        request=command.request, new_deadline=command.new_deadline, grounds=command.grounds, reason=command.reason
    )


def _extension_refused(task: Task, now: Situation, command: cmd.RefuseExtension, moment: Moment) -> ev.EventData:
    _check_pending(task, now, command.request, moment.day)
    return ev.ExtensionRefused(request=command.request, reason=command.reason)


def _deadline_extended(task: Task, now: Situation, command: cmd.ExtendDeadline, moment: Moment) -> ev.EventData:
    if command.request is not None:
        _check_pending(task, now, command.request, moment.day)
    check_extension(task, now, command.new_deadline, command.grounds, moment.day)
    return ev.DeadlineExtended(
        new_deadline=command.new_deadline,
        grounds=command.grounds,
        approved_by=command.approved_by or moment.acting_unit,
        document=command.document,
        reason=command.reason,
        retroactive=command.retroactive,
        request=command.request,
    )


def _rebaselined(_: Task, now: Situation, command: cmd.RebaselineTask, moment: Moment) -> ev.EventData:
    check_rebaseline(now, command.new_deadline)
    return ev.Rebaselined(
        new_deadline=command.new_deadline,
        approved_by=command.approved_by or moment.acting_unit,
        document=command.document,
        reason=command.reason,
    )


def _brought_forward(_: Task, now: Situation, command: cmd.BringDeadlineForward, moment: Moment) -> ev.EventData:
    check_brought_forward(now, command.new_deadline)
    return ev.DeadlineBroughtForward(
        new_deadline=command.new_deadline,
        approved_by=command.approved_by or moment.acting_unit,
        document=command.document,
        reason=command.reason,
    )


def _progress_reported(_: Task, __: Situation, command: cmd.ReportProgress, ___: Moment) -> ev.EventData:
    points = basis_points(command.percent)
    if points is None:
        raise Refused(
            "percent_out_of_range",
            "data.percent",
            f"{command.percent} is not between 0 and 100 with two decimals at most",
        )
    return ev.ProgressReported(
        percent=points, narrative=command.narrative, next_steps=command.next_steps, indicators=command.indicators
    )


def _blocker_raised(task: Task, _: Situation, command: cmd.RaiseBlocker, __: Moment) -> ev.EventData:
    if _naming(task, "blocker", command.blocker, ev.BlockerRaised):
        raise Refused("blocker_exists", "data.blocker", f"blocker {command.blocker} was raised before")
    return ev.BlockerRaised(
        blocker=command.blocker,
        owner=command.owner,
        category=command.category,
        description=command.description,
        proposal=command.proposal,
    )


def _blocker_confirmed(task: Task, now: Situation, command: cmd.ConfirmBlocker, moment: Moment) -> ev.EventData:
    _check_no_verdict(task, now, command.blocker, moment.day)
    return ev.BlockerConfirmed(blocker=command.blocker, reason=command.reason)


def _blocker_rejected(task: Task, now: Situation, command: cmd.RejectBlocker, moment: Moment) -> ev.EventData:
    _check_no_verdict(task, now, command.blocker, moment.day)
    return ev.BlockerRejected(blocker=command.blocker, reason=command.reason)


def _blocker_resolved(task: Task, now: Situation, command: cmd.ResolveBlocker, moment: Moment) -> ev.EventData:
    blocker = now.blocker(command.blocker)
    if blocker is None:
        raise _unknown_blocker(command.blocker, moment.day)
    if blocker.verdict == "rejected":
        raise Refused("blocker_rejected", "data.blocker", f"blocker {command.blocker} was rejected")
    later = _naming(task, "blocker", command.blocker, ev.BlockerResolved, after=moment.day)
    resolved_on = later[0].day if later else blocker.resolved_on
    if resolved_on is not None:
        raise Refused("blocker_resolved", "data.blocker", f"blocker {command.blocker} was resolved on {resolved_on}")
    return ev.BlockerResolved(blocker=command.blocker, reason=command.reason)


def _result_submitted(_: Task, now: Situation, command: cmd.SubmitResult, __: Moment) -> ev.EventData:
    if now.life == "submitted":
        raise Refused("already_submitted", "task", f"a result waits for {now.reviewer} since {now.submitted_on}")
    if now.suspended_by is not None:
        raise Refused("task_suspended", "task", f"the task is suspended by {now.suspended_by}: resume it first")
    return ev.ResultSubmitted(reviewer=command.reviewer, evidence=command.evidence)


def _result_returned(_: Task, now: Situation, command: cmd.ReturnResult, moment: Moment) -> ev.EventData:
    _check_submitted(now, moment.day)
    return ev.ResultReturned(reasons=command.reasons)


def _result_accepted(_: Task, now: Situation, __: cmd.AcceptResult, moment: Moment) -> ev.EventData:
    _check_submitted(now, moment.day)
    return ev.ResultAccepted()


def _suspended(_: Task, now: Situation, command: cmd.SuspendTask, __: Moment) -> ev.EventData:
    if now.suspended_by is not None:
        raise Refused("task_suspended", "task", f"the task is already suspended by {now.suspended_by}")
    return ev.TaskSuspended(reason=command.reason)


def _resumed(_: Task, now: Situation, __: cmd.ResumeTask, moment: Moment) -> ev.EventData:
    if now.suspended_by is None:
        raise Refused("not_suspended", "task", f"the task is not suspended on {moment.day}")
    return ev.TaskResumed()


def _cancelled(_: Task, __: Situation, command: cmd.CancelTask, ___: Moment) -> ev.EventData:
    return ev.TaskCancelled(reason=command.reason)


def _reopened(_: Task, now: Situation, command: cmd.ReopenTask, moment: Moment) -> ev.EventData:
    if not now.is_closed:
        raise Refused("task_open", "task", f"the task is open on {moment.day}: there is nothing to reopen")
    return ev.TaskReopened(cause=command.cause, reason=command.reason)


def _retracted(task: Task, _: Situation, command: cmd.RetractRecord, __: Moment) -> ev.EventData:
    if (command.event is None) == (command.version is None):
        raise Refused("which_record", "data.event", "name the record either by its event id or by its version")
    field = "data.event" if command.event is not None else "data.version"
    for event in task.events:
        if command.event in (event.id, None) and command.version in (event.version, None):
            break
    else:
        raise Refused("unknown_record", field, "the task has no such record")
    if isinstance(event.data, ev.TaskAssigned):
        raise Refused("not_retractable", field, "the assignment cannot be retracted: cancel the task instead")
    if isinstance(event.data, ev.RecordRetracted):
        raise Refused("not_retractable", field, "a retraction cannot be retracted: record what happened once more")
    if event.version in task.retracted:
        raise Refused("already_retracted", field, f"version {event.version} was retracted before")
    return ev.RecordRetracted(event=event.id, version=event.version, reason=command.reason)


def _naming(
    task: Task, field: str, code: str, *kinds: type[ev.EventData], after: dt.date = dt.date.min
) -> list[ev.Event]:
    """The standing events of those kinds whose `field` is that code, and that are dated after that day."""
    return [e for e in task.standing() if type(e.data) in kinds and getattr(e.data, field) == code and e.day > after]


def _check_no_verdict(task: Task, now: Situation, blocker: str, day: dt.date) -> None:
    found = now.blocker(blocker)
    if found is None:
        raise _unknown_blocker(blocker, day)
    if found.verdict is not None:
        raise Refused("verdict_given", "data.blocker", f"blocker {blocker} was {found.verdict} by then")
    for later in _naming(task, "blocker", blocker, ev.BlockerConfirmed, ev.BlockerRejected, after=day):
        raise Refused("verdict_given", "data.blocker", f"a verdict on blocker {blocker} was given on {later.day}")


def _unknown_blocker(blocker: str, day: dt.date) -> Refused:
    return Refused("unknown_blocker", "data.blocker", f"no blocker {blocker} was raised by {day}")


def _check_pending(task: Task, now: Situation, request: str, day: dt.date) -> None:
    if all(r.code != request for r in now.requests):
        raise Refused(
            "unknown_request", "data.request", f"no extension request {request} is waiting for an answer on {day}"
        )
    for later in _naming(task, "request", request, ev.ExtensionRefused, ev.DeadlineExtended, after=day):
        raise Refused("request_answered", "data.request", f"extension request {request} was answered on {later.day}")


def _check_submitted(now: Situation, day: dt.date) -> None:
    if now.life != "submitted":
        raise Refused("not_submitted", "task", f"no result waits for review on {day}")
    if now.submitted_on is not None and day < now.submitted_on:
        raise Refused(
            "before_submission", "effective_at", f"the result was submitted on {now.submitted_on}, after {day}"
        )


def _without_repeats(units: tuple[str, ...], field: str) -> tuple[str, ...]:
    if len(set(units)) != len(units):
        raise Refused("repeated_unit", field, "a unit is named twice")
    return units


_ANSWERS: dict[type[cmd.Command], Answer] = {
    cmd.ReassignLead: _lead_reassigned,
    cmd.SetCoordinating: _coordinating_set,
    cmd.NameOfficer: _officer_named,
    cmd.RequestExtension: _extension_requested,
    cmd.RefuseExtension: _extension_refused,
    cmd.ExtendDeadline: _deadline_extended,
    cmd.RebaselineTask: _rebaselined,
    cmd.BringDeadlineForward: _brought_forward,
    cmd.ReportProgress: _progress_reported,
    cmd.RaiseBlocker: _blocker_raised,
    cmd.ConfirmBlocker: _blocker_confirmed,
    cmd.RejectBlocker: _blocker_rejected,
    cmd.ResolveBlocker: _blocker_resolved,
    cmd.SubmitResult: _result_submitted,
    cmd.ReturnResult: _result_returned,
    cmd.AcceptResult: _result_accepted,
    cmd.SuspendTask: _suspended,
    cmd.ResumeTask: _resumed,
    cmd.CancelTask: _cancelled,
    cmd.ReopenTask: _reopened,
    cmd.RetractRecord: _retracted,
}
