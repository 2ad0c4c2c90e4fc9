"""What holds of every history that the domain allows, however late its records come."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, settings
from hypothesis import given as for_every
from hypothesis import strategies as st

from ledger.domain import commands as cmd
from ledger.domain import plan as plans
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.events import Event, EventData, RecordRetracted
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Situation, Task, status
from ledger.domain.task.evolve import in_effect_order, step
from ledger.domain.values import Deadline, Ground
from ledger.errors import Refused

from .given import KNOWN, Fact, before, by, day, event_of

Step = tuple[Any, int, str]
"""A command, the day on which it takes effect (of March 2025), and the unit that acts."""

# Few values of everything, so that the steps meet.
NAMES = ("x", "y")
DAYS = st.integers(1, 14)
ASSIGNED_ON = 3
"""So that two of the days lie before the assignment."""
FIRST_DEADLINES: list[Deadline | None] = [by(8), None, before(9), by(10)]
DEADLINES = (by(5), before(9), by(11), by(14), before(16), by(20))
GROUNDS = ((), (Ground(blocker="x"),), (Ground(suspension_by="REV"),), (Ground(predecessor_lead="U1"),))

SUBMIT, RETURN, ACCEPT = cmd.SubmitResult("REV"), cmd.ReturnResult("incomplete"), cmd.AcceptResult()
SUSPEND, RESUME, CANCEL = cmd.SuspendTask(), cmd.ResumeTask(), cmd.CancelTask()
DEFECT, SCOPE = cmd.ReopenTask("defect"), cmd.ReopenTask("scope")

SINGLE: list[cmd.TaskCommand] = [
    *(cmd.BringDeadlineForward(by(4)), cmd.ReportProgress(Decimal(50)), cmd.NameOfficer("an officer")),
    *(SUBMIT, RETURN, ACCEPT, SUSPEND, RESUME, CANCEL, DEFECT),
    *(cmd.ReassignLead(unit) for unit in ("U1", "U2", "REV")),
    *(cmd.SetCoordinating(coordinating) for coordinating in (("U2",), ("U2", "U2"))),
    *(cmd.RebaselineTask(new) for new in DEADLINES),
    *(cmd.BringDeadlineForward(new) for new in DEADLINES),
    *(cmd.ExtendDeadline(by(20), grounds) for grounds in GROUNDS),
]
SCRIPTS: list[tuple[cmd.TaskCommand, ...]] = [
    (SUBMIT, RETURN, SUBMIT, ACCEPT, DEFECT),
    (SUBMIT, ACCEPT, SCOPE, SUBMIT, ACCEPT),
    (CANCEL, SCOPE, SUSPEND, RESUME, SUBMIT),
    (SUSPEND, RESUME, SUSPEND, RESUME, CANCEL),
    *((cmd.RaiseBlocker(x, "U2", "staff"), cmd.ConfirmBlocker(x), cmd.ResolveBlocker(x)) for x in NAMES),
    *((cmd.RaiseBlocker(x, "U2", "staff"), cmd.ResolveBlocker(x), cmd.RejectBlocker(x)) for x in NAMES),
    *((cmd.RequestExtension(x, by(14)), cmd.RefuseExtension(x)) for x in NAMES),
    *((cmd.RequestExtension(x, by(12)), cmd.ExtendDeadline(new, request=x)) for x in NAMES for new in DEADLINES),
]
RETRACTIONS = [cmd.RetractRecord("mistake", version=version) for version in range(1, 16)]


@st.composite
def task_steps(draw: st.DrawFn) -> list[Step]:
    """Scripts and single commands, recorded one after another, over the same days: so most of it is late.

    Drawn evenly, by a generator that does not shrink: Hypothesis's own draws crowd around few values, and then few
    histories see an acceptance.
    """
    chance = draw(st.randoms(use_true_random=True))
    steps: list[Step] = []
    for _ in range(draw(st.integers(2, 14))):
        kind = chance.random()
        script = chance.choice(SCRIPTS) if kind < 0.5 else (chance.choice(SINGLE if kind < 0.8 else RETRACTIONS),)
        days = sorted(chance.choices(range(1, 15), k=len(script)))
        unit = chance.choice(("AUTH", "REV", "U1", "U2"))
        steps += [(command, of, unit) for command, of in zip(script, days, strict=True)]
    return steps


def histories(steps: Sequence[Step], deadline: Deadline | None) -> Iterable[tuple[Task, Task | None, Step]]:
    """(task after, task before, the step between them) of every step that is taken; the first is the assignment."""
    task = None
    for step_taken in ((cmd.AssignTask("t", "U1", deadline=deadline), ASSIGNED_ON, "AUTH"), *steps):
        answer = decided(task, step_taken)
        if not isinstance(answer, Refused):
            earlier, task = task, answer
            yield task, earlier, step_taken


def decided(task: Task | None, asked: Step) -> Task | Refused:
    command, of, unit = asked
    try:
        (data,) = tasks.decide(task, "T1", command, Moment(unit, day(of), day(31)), KNOWN)
    except Refused as refused:
        return refused
    return tasks.evolve(task, event(data, of, unit, task), "T1")


def event(data: EventData, of: int, unit: str, earlier: Task | None) -> Event:
    return event_of(Fact(day(of).isoformat(), data, unit), "task/T1", earlier.version + 1 if earlier else 1)


def counting(task: Task) -> set[int]:
    """The versions of the standing records that change something where they stand."""
    first, *rest = task.standing()
    now = tasks.fold("T1", [first]).segments[0].situation  # type: ignore[union-attr]  # the assignment makes a task
    found = set()
    for _, each in in_effect_order(rest, first.day):
        after = step(now, each)
        if after is not now:
            found.add(each.version)
        now = after
    return found


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

with_any_history = for_every(task_steps(), st.sampled_from(FIRST_DEADLINES))


@settings(max_examples=150, deadline=None)
@with_any_history
def test_evolving_step_by_step_gives_what_folding_all_gives(steps: list[Step], deadline: Deadline | None) -> None:
    last = None
    for task, _, _ in histories(steps, deadline):
        last = task
        assert tasks.fold("T1", task.events) == task
        days = [segment.since for segment in task.segments]
        assert days == sorted(set(days))
        assert days[0] == task.assigned_on
        assert days[-1] <= task.latest
    assert last is not None


@settings(max_examples=150, deadline=None)
@for_every(task_steps(), st.sampled_from(FIRST_DEADLINES), st.randoms(use_true_random=False))
def test_only_day_and_version_decide_the_order(
    steps: list[Step], deadline: Deadline | None, shuffle: random.Random
) -> None:
    for task, _, _ in histories(steps, deadline):
        first, *rest = [e for e in task.standing() if not isinstance(e.data, RecordRetracted)]
        shuffle.shuffle(rest)
        rest.sort(key=lambda e: (max(e.day, first.day), e.version))
        renumbered = [msgspec.structs.replace(e, version=v) for v, e in enumerate([first, *rest], 1)]
        again = tasks.fold("T1", renumbered)
        assert again is not None
        assert again.segments == task.segments
        assert again.situation(day(14)) == task.situation(day(14))


@settings(max_examples=150, deadline=None)
@with_any_history
def test_what_is_taken_counts_and_takes_nothing_from_what_counted(steps: list[Step], deadline: Deadline | None) -> None:
    for task, earlier, _ in histories(steps, deadline):
        if earlier is None or isinstance(task.events[-1].data, RecordRetracted):
            continue
        assert counting(task) >= counting(earlier) | {task.version}


@settings(max_examples=150, deadline=None)
@with_any_history
def test_no_day_is_nonsense(steps: list[Step], deadline: Deadline | None) -> None:
    for task, _, _ in histories(steps, deadline):
        for segment in task.segments:
            check_sense(segment.situation, segment.since)


def check_sense(now: Situation, since: dt.date) -> None:
    """What holds of a task at the end of any day."""
    assert status(now, since)
    assert (now.life in ("done", "cancelled")) == now.is_closed == (now.closed_on is not None)
    if now.life in ("submitted", "done"):
        assert now.reviewer is not None
        assert now.submitted_on is not None
        assert now.submitted_on <= since
    if now.life == "open":
        assert (now.reviewer, now.submitted_on, now.submitted_at, now.submitted_against) == (None, None, None, None)
    if now.is_closed:
        assert now.suspended_by is None
    if now.life == "done":
        assert now.submitted_on is not None
        assert now.closed_on is not None
        assert now.submitted_on <= now.closed_on <= since
        assert now.ends_before_start == (now.submitted_on < now.assigned_on)
    assert (now.deadline is None) == (now.baseline is None) == (now.original is None)
    assert len({b.code for b in now.blockers}) == len(now.blockers)
    assert len({r.code for r in now.requests}) == len(now.requests)
    for blocker in now.blockers:
        assert blocker.raised_on <= since
        assert blocker.resolved_on is None or blocker.raised_on <= blocker.resolved_on <= since


@settings(max_examples=100, deadline=None)
@with_any_history
def test_a_command_leaves_the_value_that_it_was_judged_by(steps: list[Step], deadline: Deadline | None) -> None:
    *_, (task, _, _) = histories(steps, deadline)
    held = msgspec.json.encode(task)
    for asked in steps:
        answer = decided(task, asked)
        assert msgspec.json.encode(task) == held
        if isinstance(answer, Refused):
            assert answer.code
            assert answer.reason


# ── units ────────────────────────────────────────────────────────────────────────────────────────────────────────────

CODES = ("A", "B", "C", "D")
CODE = st.sampled_from(CODES)
UNIT_COMMANDS = st.one_of(
    st.builds(cmd.RegisterUnit, st.just("a unit"), st.just("internal"), st.none() | CODE),
    st.builds(cmd.MoveUnit, st.none() | CODE),
    st.builds(cmd.MoveUnit, CODE),
    st.builds(cmd.MergeUnit, CODE),
    st.builds(cmd.RenameUnit, st.sampled_from(NAMES)),
)


@settings(max_examples=150, deadline=None)
@for_every(st.lists(st.tuples(CODE, UNIT_COMMANDS, DAYS), max_size=25))
def test_the_units_are_a_tree_on_every_day(steps: list[tuple[str, cmd.UnitCommand, int]]) -> None:
    known = KNOWN
    for code in CODES[:2]:
        known = taken(known, "unit", code, cmd.RegisterUnit(code), 1)
    for code, command, of in steps:
        known = taken(known, "unit", code, command, of)
    for code in set(CODES) & set(known.units):
        for of in range(1, 15):
            assert top_of(known, code, day(of)) is not None
        unit = known.units[code]
        assert unit == units.fold(code, unit.events)
        assert [s.since for s in unit.segments] == sorted({s.since for s in unit.segments})


def top_of(known: Known, code: str, of: dt.date) -> str | None:
    """The unit at the end of the way up, over parents and successors; None when there is no end."""
    for _ in range(len(known.units) + 1):
        unit = known.units.get(code)
        now = unit.situation(of) if unit else None
        above = (now.merged_into or now.parent) if now else None
        if above is None:
            return code
        code = above
    return None


def taken(known: Known, kind: str, code: str, command: cmd.AnyCommand, of: int) -> Known:
    """The directory after the command, if it is taken."""
    pure: Any = {"unit": units, "plan": plans}[kind]
    held: dict[str, Any] = dict({"unit": known.units, "plan": known.plans}[kind])
    state = held.get(code)
    try:
        decided = pure.decide(state, code, command, Moment("AUTH", day(of), day(31)), known)
    except Refused:
        return known
    for data in decided:
        fact = Fact(day(of).isoformat(), data, "AUTH")
        state = pure.evolve(state, event_of(fact, f"{kind}/{code}", state.version + 1 if state else 1), code)
    held[code] = state
    return Known(held, known.plans) if kind == "unit" else Known(known.units, held)


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ITEMS = st.lists(st.builds(cmd.PlanItem, CODE, st.just("an item"), st.none() | CODE), max_size=3).map(tuple)
AMENDMENTS = st.builds(cmd.AmendPlan, items=ITEMS, withdrawn=st.lists(CODE, max_size=2).map(tuple))


@settings(max_examples=150, deadline=None)
@for_every(st.lists(st.tuples(AMENDMENTS, DAYS), max_size=12))
@example([(cmd.AmendPlan(items=(cmd.PlanItem("B", "b", "A"),)), 9), (cmd.AmendPlan(withdrawn=("A",)), 5)])
def test_the_items_of_a_plan_are_a_tree_on_every_day(steps: list[tuple[cmd.AmendPlan, int]]) -> None:
    known = taken(KNOWN, "plan", "P2", cmd.AdoptPlan("p", items=(cmd.PlanItem("A", "a"),)), 2)
    for command, of in steps:
        known = taken(known, "plan", "P2", command, of)
    plan = known.plans["P2"]
    assert plan == plans.fold("P2", plan.events)
    for segment in plan.segments:
        for item in segment.items.values():
            above, climbed = item.parent, 0
            while above is not None:
                assert above in segment.items
                above, climbed = segment.items[above].parent, climbed + 1
                assert climbed <= len(segment.items)


# ── the histories are worth something ────────────────────────────────────────────────────────────────────────────────


def test_generated_histories_reach_every_life_and_every_command() -> None:
    lives: set[str] = set()
    commands: set[type] = set()

    @settings(max_examples=250, deadline=None, database=None, derandomize=True)
    @with_any_history
    def look(steps: list[Step], deadline: Deadline | None) -> None:
        for task, _, (command, _, _) in histories(steps, deadline):
            lives.update(segment.situation.life for segment in task.segments)
            commands.add(type(command))

    run: Callable[[], None] = look
    run()
    assert lives == {"open", "submitted", "done", "cancelled"}
    assert commands == set(cmd.TaskCommand.__args__)
