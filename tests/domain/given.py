"""Tests that read as sentences: given these events, when this command, then those events (or refused, and why).

    given(on(1, assigned(by(10))), on(8, blocker_raised("b1"))).when(cmd.ResolveBlocker("b1"), on=14).then(...)

A day is a number, which stands for that day of March 2025, or an ISO date. The units AUTH, REV, EXT, U1, U2, U3
and the plan P1 with the item A1 are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

import pytest
from msgspec import structs

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain import plan as plans
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.calendar import working_days
from ledger.domain.plan import Plan, PlanSituation
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Situation, Task
from ledger.domain.unit import Unit, UnitSituation
from ledger.domain.values import Deadline, Ground
from ledger.errors import Refused

Day = int | str
UNITS = ("AUTH", "REV", "EXT", "U1", "U2", "U3")
TODAY = "2025-03-31"


def day(of: Day) -> dt.date:
    """The local day: a number is a day of March 2025; of an instant, the day that it names."""
    return dt.date(2025, 3, of) if isinstance(of, int) else dt.date.fromisoformat(of[:10])


def by(of: Day) -> Deadline:
    return Deadline(day(of))


def before(of: Day) -> Deadline:
    return Deadline(day(of), kind="before")


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Fact:
    """Something that happened on a day, and the unit that said so."""

    effective: str
    data: ev.EventData
    unit: str


def on(of: Day, *data: ev.EventData, unit: str = "AUTH") -> list[Fact]:
    effective = of if isinstance(of, str) else day(of).isoformat()
    return [Fact(effective, each, unit) for each in data]


def event_of(fact: Fact, stream: str, version: int) -> ev.Event:
    """The fact as the event of that version; its id is `<stream>/<version>`."""
    return ev.Event(
        actor=ev.Actor(fact.unit, None),
        causation=None,
        correlation=None,
        data=fact.data,
        effective=fact.effective,
        id=f"{stream}/{version}",
        stream=stream,
        type=fact.data.type_name,
        v=fact.data.schema_version,
        version=version,
    )


_ASSIGNED = ev.TaskAssigned(
    title="Open the national data centre",
    lead="U1",
    coordinating=(),
    officer=None,
    authority="AUTH",
    result=None,
    indicators=(),
    start=None,
    deadline=None,
    plan_items=(),
    priority="normal",
    classification="internal",
)


def assigned(deadline: Deadline | None = None, **more: object) -> ev.TaskAssigned:
    return structs.replace(_ASSIGNED, deadline=deadline, **more)


def reassigned(lead: str) -> ev.LeadReassigned:
    return ev.LeadReassigned(lead=lead, reason=None)


def requested(request: str, new: Deadline, *grounds: Ground) -> ev.ExtensionRequested:
    return ev.ExtensionRequested(request=request, new_deadline=new, grounds=grounds, reason=None)


def request_refused(request: str) -> ev.ExtensionRefused:
    return ev.ExtensionRefused(request=request, reason=None)


def extended(new: Deadline, request: str | None = None, **more: object) -> ev.DeadlineExtended:
    plain = ev.DeadlineExtended(
        new_deadline=new,
        grounds=(),
        approved_by="AUTH",
        document=None,
        reason=None,
        retroactive=False,
        request=request,
    )
    return structs.replace(plain, **more)


def rebaselined(new: Deadline) -> ev.Rebaselined:
    return ev.Rebaselined(new_deadline=new, approved_by="AUTH", document=None, reason=None)


def brought_forward(new: Deadline) -> ev.DeadlineBroughtForward:
    return ev.DeadlineBroughtForward(new_deadline=new, approved_by="AUTH", document=None, reason=None)


def reported(points: int) -> ev.ProgressReported:
    return ev.ProgressReported(percent=points, narrative="", next_steps="", indicators=())


def blocker_raised(blocker: str, owner: str = "EXT") -> ev.BlockerRaised:
    return ev.BlockerRaised(blocker=blocker, owner=owner, category="coordination", description="", proposal="")


def blocker_confirmed(blocker: str) -> ev.BlockerConfirmed:
    return ev.BlockerConfirmed(blocker=blocker, reason=None)


def blocker_rejected(blocker: str) -> ev.BlockerRejected:
    return ev.BlockerRejected(blocker=blocker, reason=None)


def blocker_resolved(blocker: str) -> ev.BlockerResolved:
    return ev.BlockerResolved(blocker=blocker, reason=None)


def submitted(reviewer: str = "REV") -> ev.ResultSubmitted:
    return ev.ResultSubmitted(reviewer=reviewer, evidence=())


def returned() -> ev.ResultReturned:
    return ev.ResultReturned(reasons="incomplete")


def accepted() -> ev.ResultAccepted:
    return ev.ResultAccepted()


def suspended() -> ev.TaskSuspended:
    return ev.TaskSuspended(reason=None)


def resumed() -> ev.TaskResumed:
    return ev.TaskResumed()


def cancelled() -> ev.TaskCancelled:
    return ev.TaskCancelled(reason=None)


def reopened(cause: Literal["defect", "scope"] = "defect") -> ev.TaskReopened:
    return ev.TaskReopened(cause=cause, reason=None)


def retracted(version: int) -> ev.RecordRetracted:
    return ev.RecordRetracted(event=f"task/T1/{version}", version=version, reason="entered by mistake")


def registered(parent: str | None = None, name: str = "A unit") -> ev.UnitRegistered:
    return ev.UnitRegistered(name=name, kind="internal", parent=parent)


def renamed(name: str) -> ev.UnitRenamed:
    return ev.UnitRenamed(name=name, reason=None)


def moved(parent: str | None) -> ev.UnitMoved:
    return ev.UnitMoved(parent=parent, reason=None)


def merged(into: str) -> ev.UnitMerged:
    return ev.UnitMerged(into=into, reason=None)


def item(code: str, parent: str | None = None) -> cmd.PlanItem:
    return cmd.PlanItem(code=code, title=f"Item {code}", parent=parent)


def adopted(*items: cmd.PlanItem) -> ev.PlanAdopted:
    return ev.PlanAdopted(title="Digital plan 2025", authority="AUTH", document=None, items=items)


def amended(*items: cmd.PlanItem, withdrawn: tuple[str, ...] = ()) -> ev.PlanAmended:
    return ev.PlanAmended(document=None, reason=None, items=items, withdrawn=withdrawn)


# ── the sentence ─────────────────────────────────────────────────────────────────────────────────────────────────────

_PURE: dict[str, Any] = {"task": tasks, "unit": units, "plan": plans}


def _folded(kind: str, code: str, facts: Iterable[Fact]) -> Any:  # noqa: ANN401 - of three kinds
    stream = f"{kind}/{code}"
    return _PURE[kind].fold(code, [event_of(fact, stream, version) for version, fact in enumerate(facts, 1)])


KNOWN = Known(
    {code: _folded("unit", code, on("2025-01-01", registered())) for code in UNITS},
    {"P1": _folded("plan", "P1", on("2025-01-01", adopted(item("A1"))))},
)


@dataclass(frozen=True)
class Given:
    """An aggregate with a past, or without one."""

    kind: str
    code: str
    state: Any
    """A `Task`, `Unit` or `Plan`, or None."""
    known: Known

    def when(self, command: cmd.AnyCommand, on: Day = 20, unit: str = "AUTH", today: Day = TODAY) -> Outcome:
        """The command is put by that unit, effective on that day, and recorded today."""
        moment = Moment(unit, day(on), day(today))
        answer: tuple[ev.EventData, ...] | Refused
        try:
            answer = _PURE[self.kind].decide(self.state, self.code, command, moment, self.known)
        except Refused as refused:
            answer = refused
        return Outcome(self, answer, day(on).isoformat(), unit)

    @property
    def task(self) -> Task:
        assert isinstance(self.state, Task)
        return self.state

    def with_calendar(self, code: str = "VN") -> Given:
        """The ledger counts its days by the calendar shipped for that country."""
        known = Known(self.known.units, self.known.plans, self.known.calendars, working_days(code, None))
        return replace(self, known=known)

    def situation(self, on: Day = TODAY) -> Situation:
        """The task at the end of that day."""
        situation = self.task.situation(day(on))
        assert situation is not None
        return situation

    def unit(self, on: Day = TODAY) -> UnitSituation:
        """The unit at the end of that day."""
        assert isinstance(self.state, Unit)
        situation = self.state.situation(day(on))
        assert situation is not None
        return situation

    def plan(self, on: Day = TODAY) -> PlanSituation:
        """The plan at the end of that day."""
        assert isinstance(self.state, Plan)
        situation = self.state.situation(day(on))
        assert situation is not None
        return situation


@dataclass(frozen=True)
class Outcome:
    """What the command was answered."""

    before: Given
    answer: tuple[ev.EventData, ...] | Refused
    effective: str
    unit: str

    def then(self, *expected: ev.EventData) -> Given:
        """Those events answer it; returns what they leave."""
        assert self.answer == expected
        return self.recorded()

    def recorded(self) -> Given:
        """It is taken; returns what its events leave."""
        if isinstance(self.answer, Refused):
            pytest.fail(f"refused: {self.answer.code}: {self.answer}")
        kind, code, state = self.before.kind, self.before.code, self.before.state
        for data in self.answer:
            version = state.version + 1 if state is not None else 1
            event = event_of(Fact(self.effective, data, self.unit), f"{kind}/{code}", version)
            state = _PURE[kind].evolve(state, event, code)
        return replace(self.before, state=state)

    def then_refused(self, code: str, field: str | None, *words: str) -> None:
        """It is refused with that code, for that field, and the reason says those words."""
        assert isinstance(self.answer, Refused), f"recorded: {self.answer}"
        assert (self.answer.code, self.answer.field) == (code, field), str(self.answer)
        for word in words:
            assert word in self.answer.reason, self.answer.reason


def given(*facts: list[Fact]) -> Given:
    """The task T1, to which these things happened, in the order recorded."""
    return Given("task", "T1", _folded("task", "T1", chain(*facts)), KNOWN)


def given_unit(code: str, /, **pasts: list[Fact]) -> Given:
    """The unit, in a tree of these units with these pasts, besides those always known."""
    tree = {name: _folded("unit", name, past) for name, past in pasts.items()}
    return Given("unit", code, tree.get(code), Known({**KNOWN.units, **tree}, KNOWN.plans))


def given_plan(*facts: list[Fact]) -> Given:
    """The plan P2, to which these things happened."""
    return Given("plan", "P2", _folded("plan", "P2", chain(*facts)), KNOWN)
