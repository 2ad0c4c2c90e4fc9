"""What a change of deadline must satisfy."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from ledger.domain import events as ev
from ledger.domain.calendars.working_days import WorkingDays
from ledger.domain.rules import check_day
from ledger.domain.task.state import Situation, Task
from ledger.domain.values import Deadline, Ground
from ledger.errors import Refused


def rolled(deadline: Deadline, working_days: WorkingDays | None, field: str) -> Deadline:
    """The deadline, moved to the next working day if it asks for that and ends on a day off.

    It is moved once, by the calendar as known when it is given: a later correction does not move a promise. Raises
    `Refused` when the command says itself where it is moved to.
    """
    if deadline.moved_to is not None:
        raise Refused("moved_to_given", f"{field}.moved_to", "the ledger works it out: give roll_forward alone")
    check_day(deadline.date, f"{field}.date")
    if not deadline.roll_forward or working_days is None:
        return deadline
    day = deadline.last_day
    while not working_days.is_working(day):
        day += dt.timedelta(days=1)
    return replace(deadline, moved_to=day)


def check_deadline(deadline: Deadline, field: str) -> None:
    """The deadline can be counted with what the ledger knows; raises `Refused` otherwise."""
    check_day(deadline.date, f"{field}.date")
    if deadline.roll_forward and deadline.moved_to is None:
        raise Refused(
            "no_calendar",
            f"{field}.roll_forward",
            "moving a deadline to the next working day needs a calendar, and this ledger has none: give the day itself",
        )


def check_extension(task: Task, now: Situation, new: Deadline, grounds: tuple[Ground, ...], day: dt.date) -> None:
    """`new` is later than the deadline in force and every ground names one thing of this task's past, by `day`."""
    check_deadline(new, "data.new_deadline")
    if now.deadline is None:
        raise Refused(
            "no_deadline", "data.new_deadline", "the task has no deadline to extend: give it one by rebaseline_task"
        )
    if new.last_day <= now.deadline.last_day:
        raise Refused(
            "not_later",
            "data.new_deadline",
            f"{new.last_day} is not later than {now.deadline.last_day}, the last day in force",
        )
    for index, ground in enumerate(grounds):
        _check_ground(task, ground, f"data.grounds[{index}]", day)
        if ground in grounds[:index]:
            raise Refused("repeated_ground", f"data.grounds[{index}]", "the same ground is named twice")


def check_brought_forward(now: Situation, new: Deadline) -> None:
    """`new` is earlier than the deadline in force."""
    check_deadline(new, "data.new_deadline")
    if now.deadline is None:
        raise Refused(
            "no_deadline",
            "data.new_deadline",
            "the task has no deadline to bring forward: give it one by rebaseline_task",
        )
    if new.last_day >= now.deadline.last_day:
        raise Refused(
            "not_earlier",
            "data.new_deadline",
            f"{new.last_day} is not earlier than {now.deadline.last_day}, the last day in force",
        )


def check_rebaseline(now: Situation, new: Deadline) -> None:
    """`new` differs from both the baseline and the deadline in force."""
    check_deadline(new, "data.new_deadline")
    if new.falls_with(now.deadline) and new.falls_with(now.baseline):
        raise Refused("same_deadline", "data.new_deadline", f"{new.date} is the baseline and in force already")


def _check_ground(task: Task, ground: Ground, field: str, day: dt.date) -> None:
    if len(ground.named) != 1:
        raise Refused("which_ground", field, "name exactly one of blocker, suspension_by, predecessor_lead")
    past = [event for event in task.standing() if event.day <= day]
    if ground.blocker is not None:
        found = any(isinstance(e.data, ev.BlockerRaised) and e.data.blocker == ground.blocker for e in past)
        what = f"no blocker {ground.blocker} was raised by {day}"
    elif ground.suspension_by is not None:
        found = any(isinstance(e.data, ev.TaskSuspended) and e.actor.unit == ground.suspension_by for e in past)
        what = f"{ground.suspension_by} had not suspended the task by {day}"
    else:
        leads = {e.data.lead for e in past if isinstance(e.data, (ev.TaskAssigned, ev.LeadReassigned))}
        found = ground.predecessor_lead in leads
        what = f"{ground.predecessor_lead} had not led the task by {day}"
    if not found:
        raise Refused("unknown_ground", f"{field}.{ground.named[0]}", what)
