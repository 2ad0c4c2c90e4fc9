"""Random task histories: backdated, retracted, overlapping, reassigned, suspended, extended, rebaselined, reopened.

`possible` ones are made by commands that the ledger takes; `any_histories` also by events that no command would
have made, because a fold must be total.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.task import Situation, Task
from ledger.domain.values import Deadline, Ground
from ledger.errors import Refused

from .histories import History

START = dt.date(2025, 3, 3)
LEADS = ("U1", "U2", "U3")
OWNERS = ("U1", "U2", "EXT")
CODES = ("b1", "b2", "b10", "b3")


class Draw(NamedTuple):
    """What a step does, how far the day of recording moves on, how far back it is dated, and two free choices."""

    kind: int
    forward: int
    back: int
    choice: int
    other: int


KIND, FORWARD, BACK, FREE = 999, 5, 15, 63

# Hypothesis finds small counterexamples among the drawn ones; the seeded ones are long, and cheap to make.
_drawn = st.lists(
    st.tuples(
        st.integers(0, KIND),
        st.integers(0, FORWARD),
        st.one_of(st.just(0), st.just(0), st.integers(0, BACK)),
        st.integers(0, FREE),
        st.integers(0, FREE),
    ).map(lambda drawn: Draw(*drawn)),
    min_size=2,
    max_size=12,
)


def _of_seed(seed: int) -> list[Draw]:
    random = Random(seed)
    often_back = random.choice((0.1, 0.4))
    return [
        Draw(
            random.randint(0, KIND),
            random.choice((0, 0, 1, 1, 2, 3, FORWARD)),
            random.randint(1, BACK) if random.random() < often_back else 0,
            random.randint(0, FREE),
            random.randint(0, FREE),
        )
        for _ in range(random.randint(8, 32))
    ]


# Four of five are seeded; one strategy named four times would count once.
_draws = st.one_of(*(st.integers(0, 2**40).map(_of_seed) for _ in range(4)), _drawn)


def _deadline(draw: Draw) -> Deadline:
    return Deadline(START + dt.timedelta(days=draw.other % 48), "before" if draw.choice % 5 == 0 else "by")


def _grounds(task: Task, draw: Draw, day: dt.date) -> tuple[Ground, ...]:
    """Up to three things that can be cited, in an order that the draw decides."""
    cited: list[Ground] = []
    for event in task.standing():
        if event.day > day:
            continue
        match event.data:
            case ev.BlockerRaised(blocker=blocker):
                cited.append(Ground(blocker=blocker))
            case ev.TaskSuspended():
                cited.append(Ground(suspension_by=event.actor.unit or "AUTH"))
            case ev.TaskAssigned(lead=lead) | ev.LeadReassigned(lead=lead):
                cited.append(Ground(predecessor_lead=lead))
    distinct = list(dict.fromkeys(cited))
    first = draw.other % max(1, len(distinct))
    turned = distinct[first:] + distinct[:first]
    return tuple(ground for index, ground in enumerate(turned) if draw.choice >> index & 1)[:3]


def _extend(now: Situation | None, task: Task, draw: Draw, day: dt.date) -> cmd.TaskCommand:
    deadline = now.deadline if now is not None else None
    base = deadline.last_day if deadline is not None else START
    new = Deadline(base + dt.timedelta(days=1 + draw.other % 14))
    return cmd.ExtendDeadline(new_deadline=new, grounds=_grounds(task, draw, day), retroactive=draw.kind % 2 == 1)


def _command(task: Task, draw: Draw, day: dt.date) -> cmd.TaskCommand:
    """One of all commands; those that the situation of that day asks for come more often."""
    now, choice = task.situation(day), draw.choice
    code = CODES[choice % 4]
    open_blockers = [b.code for b in now.blockers if b.is_open] if now is not None else []
    open_code = open_blockers[choice % len(open_blockers)] if open_blockers else code
    closed = now is not None and now.is_closed
    submitted = now is not None and now.life == "submitted"
    suspended = now is not None and now.suspended_by is not None
    weighted: tuple[tuple[int, Callable[[], cmd.TaskCommand]], ...] = (
        (14, lambda: cmd.RaiseBlocker(blocker=code, owner=OWNERS[draw.other % 3], category="coordination")),
        (6, lambda: cmd.ConfirmBlocker(blocker=code)),
        (3, lambda: cmd.RejectBlocker(blocker=code)),
        (16 if open_blockers else 1, lambda: cmd.ResolveBlocker(blocker=open_code)),
        (8, lambda: cmd.SubmitResult(reviewer="REV")),
        (12 if submitted else 1, lambda: cmd.ReturnResult(reasons="incomplete")),
        (8 if submitted else 1, cmd.AcceptResult),
        (40 if closed else 1, lambda: cmd.ReopenTask(cause="scope" if choice % 2 else "defect")),
        (5, cmd.SuspendTask),
        (30 if suspended else 1, cmd.ResumeTask),
        (5, lambda: cmd.ReassignLead(lead=LEADS[choice % 3])),
        (16, lambda: _extend(now, task, draw, day)),
        (4, lambda: cmd.RebaselineTask(new_deadline=_deadline(draw))),
        (3, lambda: cmd.BringDeadlineForward(new_deadline=_deadline(draw))),
        (2, cmd.CancelTask),
        (4, lambda: cmd.RetractRecord(version=2 + choice % max(1, task.version), reason="mistaken")),
        (2, lambda: cmd.NameOfficer(officer="An officer")),
    )
    at = draw.kind * sum(weight for weight, _ in weighted) // (KIND + 1)
    for weight, make in weighted:
        if at < weight:
            return make()
        at -= weight
    raise AssertionError("the weights hold every number")


def _assigned(history: History, draw: Draw) -> None:
    deadline = None if draw.kind % 12 == 11 else Deadline(START + dt.timedelta(days=draw.other % 24))
    assign = cmd.AssignTask(title="A task", lead="U1", deadline=deadline)
    history.command(assign, "AUTH", START.isoformat(), START + dt.timedelta(days=draw.back))


def _played(draws: list[Draw], put: Callable[[History, Draw, dt.date, dt.date], None]) -> History:
    history = History()
    _assigned(history, draws[0])
    today = history.places[0].recorded_on
    for draw in draws[1:]:
        today += dt.timedelta(days=draw.forward)
        put(history, draw, today - dt.timedelta(days=draw.back), today)
    return history


def _by_command(history: History, draw: Draw, day: dt.date, today: dt.date) -> None:
    command = _command(history.task, draw, day)
    unit = "U3" if isinstance(command, (cmd.SuspendTask, cmd.ReopenTask)) and draw.other % 3 == 0 else "AUTH"
    try:
        history.command(command, unit, day.isoformat(), today)
    except Refused:
        return


def _by_event(history: History, draw: Draw, day: dt.date, today: dt.date) -> None:
    """What the command would be answered in a situation that takes it, recorded in one that need not."""
    command: Any = _command(history.task, draw, day)
    fields = {name: getattr(command, name) for name in command.__struct_fields__}
    if isinstance(command, cmd.RetractRecord):
        _retract(history, command, day, today)
        return
    kind = _ANSWERS[type(command)]
    if "approved_by" in fields:
        fields["approved_by"] = "AUTH"
    history.record(kind(**fields), None if draw.other % 4 == 0 else "AUTH", day.isoformat(), today)


def _retract(history: History, command: cmd.RetractRecord, day: dt.date, today: dt.date) -> None:
    task, version = history.task, command.version
    if version is None or version > task.version or version in task.retracted:
        return
    target = task.events[version - 1]
    if not isinstance(target.data, ev.RecordRetracted):
        data = ev.RecordRetracted(event=target.id, version=version, reason="mistaken")
        history.record(data, "AUTH", day.isoformat(), today)


_ANSWERS: dict[type[cmd.Command], type[ev.EventData]] = {
    cmd.RaiseBlocker: ev.BlockerRaised,
    cmd.ConfirmBlocker: ev.BlockerConfirmed,
    cmd.RejectBlocker: ev.BlockerRejected,
    cmd.ResolveBlocker: ev.BlockerResolved,
    cmd.SubmitResult: ev.ResultSubmitted,
    cmd.ReturnResult: ev.ResultReturned,
    cmd.AcceptResult: ev.ResultAccepted,
    cmd.ReopenTask: ev.TaskReopened,
    cmd.SuspendTask: ev.TaskSuspended,
    cmd.ResumeTask: ev.TaskResumed,
    cmd.ReassignLead: ev.LeadReassigned,
    cmd.ExtendDeadline: ev.DeadlineExtended,
    cmd.RebaselineTask: ev.Rebaselined,
    cmd.BringDeadlineForward: ev.DeadlineBroughtForward,
    cmd.CancelTask: ev.TaskCancelled,
    cmd.NameOfficer: ev.OfficerNamed,
}

possible: st.SearchStrategy[History] = _draws.map(lambda draws: _played(draws, _by_command))
any_histories: st.SearchStrategy[History] = _draws.map(lambda draws: _played(draws, _by_event))
