"""Who promised what: assignment, lead, coordinating units, officer, and progress."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.values import Deadline, Ground, Indicator, IndicatorValue, PlanItemRef

from .given import (
    accepted,
    assigned,
    before,
    blocker_raised,
    by,
    cancelled,
    day,
    given,
    on,
    reassigned,
    reported,
    submitted,
    suspended,
)

TASK = given(on(1, assigned(by(10))))


def assign(**more: object) -> cmd.AssignTask:
    return structs.replace(cmd.AssignTask("Open the national data centre", "U1"), **more)


# ── assign_task ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_assigned_with_all_that_was_said_of_it() -> None:
    indicators = (Indicator("racks", target="200", measure="pieces"),)
    command = assign(
        coordinating=("U2", "U3"),
        officer="Head of department",
        authority="REV",
        result="The centre is in use",
        indicators=indicators,
        start=day(2),
        deadline=before(10),
        plan_items=(PlanItemRef("P1", "A1"),),
        priority="urgent",
        classification="public",
    )
    expected = assigned(
        before(10),
        coordinating=("U2", "U3"),
        officer="Head of department",
        authority="REV",
        result="The centre is in use",
        indicators=indicators,
        start=day(2),
        plan_items=(PlanItemRef("P1", "A1"),),
        priority="urgent",
        classification="public",
    )
    task = given().when(command, on=1).then(expected)
    situation = task.situation(1)
    assert (situation.life, situation.lead, situation.deadline) == ("open", "U1", before(10))
    assert situation.original == situation.baseline == before(10)
    assert task.task.situation(day("2025-02-28")) is None


def test_the_acting_unit_is_the_authority_when_none_is_named() -> None:
    given().when(assign(), unit="REV").then(assigned(authority="REV"))


def test_a_task_is_assigned_once() -> None:
    TASK.when(assign()).then_refused("task_exists", "task", "T1 is already assigned")


@pytest.mark.parametrize(
    ("more", "field", "unit"),
    [
        ({"lead": "U9"}, "data.lead", "U9"),
        ({"coordinating": ("U2", "U9")}, "data.coordinating[1]", "U9"),
        ({"authority": "U9"}, "data.authority", "U9"),
    ],
)
def test_a_unit_that_is_not_registered_cannot_be_given_a_task(more: dict[str, Any], field: str, unit: str) -> None:
    given().when(assign(**more)).then_refused("unknown_unit", field, unit, "not registered")


def test_a_unit_that_is_not_registered_cannot_act() -> None:
    given().when(assign(), unit="U9").then_refused("unknown_unit", "acting_unit", "U9")
    TASK.when(cmd.CancelTask(), unit="U9").then_refused("unknown_unit", "acting_unit", "U9")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (cmd.ReassignLead("U9"), "data.lead"),
        (cmd.SetCoordinating(("U2", "U9")), "data.units[1]"),
        (cmd.RequestExtension("r1", by(20), (Ground(predecessor_lead="U9"),)), "data.grounds[0].predecessor_lead"),
        (cmd.ExtendDeadline(by(20), (Ground(suspension_by="U9"),)), "data.grounds[0].suspension_by"),
        (cmd.ExtendDeadline(by(20), approved_by="U9"), "data.approved_by"),
        (cmd.RebaselineTask(by(20), approved_by="U9"), "data.approved_by"),
        (cmd.BringDeadlineForward(by(5), approved_by="U9"), "data.approved_by"),
        (cmd.RaiseBlocker("b1", "U9", "coordination"), "data.owner"),
        (cmd.SubmitResult("U9"), "data.reviewer"),
    ],
)
def test_every_unit_that_a_command_names_must_be_registered(command: cmd.TaskCommand, field: str) -> None:
    TASK.when(command).then_refused("unknown_unit", field, "U9")


def test_a_plan_item_that_is_not_adopted_cannot_be_cited() -> None:
    cite = PlanItemRef
    given().when(assign(plan_items=(cite("P9", "A1"),))).then_refused("unknown_plan", "data.plan_items[0].plan", "P9")
    given().when(assign(plan_items=(cite("P1", "A1"), cite("P1", "Z")))).then_refused(
        "unknown_item", "data.plan_items[1].item", "Z"
    )


def test_a_plan_item_is_cited_once() -> None:
    twice = (PlanItemRef("P1", "A1"), PlanItemRef("P1", "A1"))
    given().when(assign(plan_items=twice)).then_refused("repeated_item", "data.plan_items[1]", "A1", "P1")


def test_a_coordinating_unit_is_named_once() -> None:
    given().when(assign(coordinating=("U2", "U2"))).then_refused("repeated_unit", "data.coordinating", "twice")
    TASK.when(cmd.SetCoordinating(("U2", "U2"))).then_refused("repeated_unit", "data.units", "twice")


def test_the_planned_start_does_not_lie_after_the_last_day_in_time() -> None:
    given().when(assign(start=day(10), deadline=by(10))).recorded()
    given().when(assign(start=day(10), deadline=before(10))).then_refused("start_after_deadline", "data.start")


def test_a_deadline_that_rolls_forward_is_refused_as_long_as_there_is_no_calendar() -> None:
    rolling = Deadline(day(9), roll_forward=True)
    given().when(assign(deadline=rolling)).then_refused("no_calendar", "data.deadline.roll_forward", "calendar")
    TASK.when(cmd.ExtendDeadline(Deadline(day(29), roll_forward=True))).then_refused(
        "no_calendar", "data.new_deadline.roll_forward"
    )


def test_a_deadline_that_rolls_forward_moves_from_a_day_off_to_the_next_working_day() -> None:
    saturday = Deadline(dt.date(2025, 3, 8), roll_forward=True)
    now = given().with_calendar().when(assign(deadline=saturday)).recorded().situation()
    assert now.deadline == Deadline(dt.date(2025, 3, 8), roll_forward=True, moved_to=dt.date(2025, 3, 10))
    assert now.deadline.last_day == dt.date(2025, 3, 10)
    holiday = Deadline(dt.date(2025, 5, 1), "before", roll_forward=True)
    extended = TASK.with_calendar().when(cmd.ExtendDeadline(holiday)).recorded().situation()
    assert extended.deadline is not None
    assert extended.deadline.last_day == dt.date(2025, 5, 5)


def test_a_deadline_on_a_working_day_stays_where_it_is() -> None:
    monday = Deadline(dt.date(2025, 3, 10), roll_forward=True)
    now = given().with_calendar().when(assign(deadline=monday)).recorded().situation()
    assert now.deadline is not None
    assert now.deadline.last_day == dt.date(2025, 3, 10)


def test_where_a_deadline_moves_to_is_for_the_ledger_to_say() -> None:
    given().with_calendar().when(assign(deadline=Deadline(day(9), moved_to=day(12)))).then_refused(
        "moved_to_given", "data.deadline.moved_to"
    )


@pytest.mark.parametrize("far", [dt.date.min, dt.date(205, 3, 10), dt.date(3025, 3, 10), dt.date.max])
def test_a_date_outside_the_calendar_in_use_is_a_slip_of_the_pen(far: dt.date) -> None:
    for deadline in (Deadline(far), Deadline(far, kind="before")):
        given().when(assign(deadline=deadline)).then_refused("day_out_of_range", "data.deadline.date", str(far))
        TASK.when(cmd.RebaselineTask(deadline)).then_refused("day_out_of_range", "data.new_deadline.date")
    given().when(assign(start=far)).then_refused("day_out_of_range", "data.start")


# ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_has_not_happened_yet_cannot_be_recorded() -> None:
    given().when(assign(), on=21, today=20).then_refused("effective_in_future", "effective_at", "2025-03-21")
    TASK.when(cmd.CancelTask(), on=21, today=20).then_refused("effective_in_future", "effective_at", "2025-03-20")
    TASK.when(cmd.CancelTask(), on=20, today=20).then(cancelled())


def test_a_day_long_ago_is_taken_and_one_before_the_calendar_in_use_is_not() -> None:
    given().when(assign(), on="1999-12-31").recorded()
    given().when(assign(), on="0205-03-10").then_refused("day_out_of_range", "effective_at", "0205-03-10")


EVERY_COMMAND_ON_A_TASK: list[cmd.TaskCommand] = [
    cmd.ReassignLead("U2"),
    cmd.SetCoordinating(("U2",)),
    cmd.NameOfficer("A. Officer"),
    cmd.RequestExtension("r1", by(20)),
    cmd.RefuseExtension("r1"),
    cmd.ExtendDeadline(by(20)),
    cmd.RebaselineTask(by(20)),
    cmd.BringDeadlineForward(by(5)),
    cmd.ReportProgress(Decimal(50)),
    cmd.RaiseBlocker("b1", "EXT", "coordination"),
    cmd.ConfirmBlocker("b1"),
    cmd.RejectBlocker("b1"),
    cmd.ResolveBlocker("b1"),
    cmd.SubmitResult("REV"),
    cmd.ReturnResult("incomplete"),
    cmd.AcceptResult(),
    cmd.SuspendTask(),
    cmd.ResumeTask(),
    cmd.CancelTask(),
    cmd.ReopenTask("defect"),
    cmd.RetractRecord("mistake", version=1),
]
MAY_PRECEDE_THE_ASSIGNMENT = (cmd.SubmitResult, cmd.AcceptResult)
MAY_FOLLOW_THE_END = (cmd.ConfirmBlocker, cmd.RejectBlocker, cmd.ReopenTask, cmd.RetractRecord)


def test_these_are_all_the_commands_on_a_task() -> None:
    assert {cmd.AssignTask, *map(type, EVERY_COMMAND_ON_A_TASK)} == set(cmd.TaskCommand.__args__)


@pytest.mark.parametrize("command", EVERY_COMMAND_ON_A_TASK, ids=lambda command: type(command).__name__)
def test_a_task_that_was_never_assigned_takes_no_command(command: cmd.TaskCommand) -> None:
    given().when(command).then_refused("unknown_task", "task", "T1")


@pytest.mark.parametrize("command", EVERY_COMMAND_ON_A_TASK, ids=lambda command: type(command).__name__)
def test_nothing_but_a_result_is_dated_before_the_assignment(command: cmd.TaskCommand) -> None:
    outcome = given(on(10, assigned(by(20)))).when(command, on=9)
    if isinstance(command, cmd.SubmitResult):
        outcome.recorded()
    elif isinstance(command, cmd.AcceptResult):
        outcome.then_refused("not_submitted", "task")
    else:
        outcome.then_refused("before_assignment", "effective_at", "2025-03-09", "2025-03-10")


@pytest.mark.parametrize("end", [[submitted(), accepted()], [cancelled()]], ids=["done", "cancelled"])
@pytest.mark.parametrize("command", EVERY_COMMAND_ON_A_TASK, ids=lambda command: type(command).__name__)
def test_a_closed_task_takes_no_command_but_about_its_past(command: cmd.TaskCommand, end: list[ev.EventData]) -> None:
    past = given(on(1, assigned(by(10))), on(2, blocker_raised("b1"), reported(10)), on(12, *end))
    if isinstance(command, cmd.RetractRecord):
        command = cmd.RetractRecord("mistake", version=3)
    outcome = past.when(command, on=12)
    if isinstance(command, MAY_FOLLOW_THE_END):
        outcome.recorded()
    else:
        outcome.then_refused("task_closed", "task", past.situation().life, "since 2025-03-12", "reopen it")


# ── reassign_lead, set_coordinating, name_officer ────────────────────────────────────────────────────────────────────


def test_the_lead_of_a_day_is_the_one_last_named_by_the_end_of_it() -> None:
    task = TASK.when(cmd.ReassignLead("U2", "re-organisation"), on=14).then(
        ev.LeadReassigned(lead="U2", reason="re-organisation")
    )
    assert [task.situation(on).lead for on in (13, 14, 15)] == ["U1", "U2", "U2"]


def test_a_task_is_not_reassigned_to_the_unit_that_leads_it() -> None:
    TASK.when(cmd.ReassignLead("U1")).then_refused("same_lead", "data.lead", "U1 leads the task already")
    given(on(1, assigned()), on(5, reassigned("U2"))).when(cmd.ReassignLead("U1")).recorded()


def test_the_coordinating_units_are_set_as_a_whole() -> None:
    task = given(on(1, assigned(coordinating=("U2",)))).when(cmd.SetCoordinating(("U3", "EXT")), on=5)
    assert task.then(ev.CoordinatingSet(units=("U3", "EXT"))).situation(5).coordinating == ("U3", "EXT")
    assert TASK.when(cmd.SetCoordinating(())).recorded().situation().coordinating == ()


def test_an_officer_is_named() -> None:
    task = TASK.when(cmd.NameOfficer("Head of department"), on=5).then(ev.OfficerNamed(officer="Head of department"))
    assert (task.situation(4).officer, task.situation(5).officer) == (None, "Head of department")


# ── report_progress ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_progress_is_kept_as_basis_points() -> None:
    values = (IndicatorValue("racks", "120"),)
    command = cmd.ReportProgress(Decimal("45.5"), "racks in place", "cabling", values)
    expected = ev.ProgressReported(percent=4550, narrative="racks in place", next_steps="cabling", indicators=values)
    situation = TASK.when(command, on=5).then(expected).situation()
    assert (situation.percent, situation.reported_on) == (4550, day(5))


def test_progress_may_go_back() -> None:
    task = given(on(1, assigned()), on(5, reported(6000)))
    assert task.when(cmd.ReportProgress(Decimal(40)), on=6).recorded().situation().percent == 4000


@pytest.mark.parametrize("percent", ["-1", "100.01", "33.333", "NaN", "Infinity"])
def test_progress_outside_0_to_100_or_finer_than_two_decimals_is_refused(percent: str) -> None:
    TASK.when(cmd.ReportProgress(Decimal(percent))).then_refused(
        "percent_out_of_range", "data.percent", percent, "between 0 and 100"
    )


def test_a_suspended_task_may_still_report() -> None:
    given(on(1, assigned()), on(5, suspended())).when(cmd.ReportProgress(Decimal(1))).recorded()
