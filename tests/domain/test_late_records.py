"""Two clocks: what is recorded late takes its place among the days, and leaves room for what stands there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev

from .given import (
    Given,
    accepted,
    assigned,
    blocker_raised,
    brought_forward,
    by,
    cancelled,
    day,
    extended,
    given,
    on,
    reassigned,
    rebaselined,
    reopened,
    reported,
    resumed,
    returned,
    submitted,
    suspended,
)

DONE = given(on(1, assigned(by(10))), on(9, submitted()), on(12, accepted()))


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_take_effect_by_day_and_not_by_when_they_were_recorded() -> None:
    task = given(on(1, assigned()), on(14, reassigned("U3")), on(7, reassigned("U2")))
    assert [task.situation(on).lead for on in (6, 7, 13, 14)] == ["U1", "U2", "U2", "U3"]


def test_events_of_one_day_take_effect_in_the_order_recorded_whatever_their_times() -> None:
    morning, evening = "2025-03-07T08:00:00+07:00", "2025-03-07T20:00:00+07:00"
    task = given(on(1, assigned()), on(evening, reassigned("U3")), on(9, reported(1)), on(morning, reassigned("U2")))
    assert task.situation(7).lead == "U2"


def test_a_days_situation_is_the_one_at_its_end() -> None:
    task = given(on(1, assigned()), on(7, reassigned("U2"), reassigned("U3")))
    assert task.situation(7).lead == "U3"
    assert [segment.since for segment in task.task.segments] == [day(1), day(7)]


def test_a_late_record_is_judged_by_its_day_and_not_by_today() -> None:
    task = given(on(1, assigned(by(10))), on(5, extended(by(17))), on(8, brought_forward(by(8))))
    task.when(cmd.ExtendDeadline(by(20)), on=6).then(extended(by(20)))
    task.when(cmd.ExtendDeadline(by(12)), on=4).then(extended(by(12)))
    task.when(cmd.ExtendDeadline(by(12)), on=6).then_refused("not_later", "data.new_deadline", "2025-03-17")


# ── about the past of a closed task ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "command",
    [
        cmd.ReassignLead("U2"),
        cmd.SetCoordinating(("U2",)),
        cmd.NameOfficer("A. Officer"),
        cmd.RequestExtension("r1", by(20)),
        cmd.ExtendDeadline(by(20)),
        cmd.RebaselineTask(by(20)),
        cmd.BringDeadlineForward(by(9)),
        cmd.ReportProgress(Decimal(50)),
        cmd.RaiseBlocker("b1", "EXT", "coordination"),
        cmd.SuspendTask(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_closed_task_takes_late_records_of_the_days_before_its_end(command: cmd.TaskCommand) -> None:
    task = DONE.when(command, on=8).recorded()
    assert (task.situation().life, task.situation().submitted_on) == ("done", day(9))


def test_a_late_extension_changes_the_deadline_that_the_submission_is_judged_by() -> None:
    late = given(on(1, assigned(by(10))), on(12, submitted()), on(13, accepted()))
    assert late.situation().submitted_against == by(10)
    assert late.when(cmd.ExtendDeadline(by(15)), on=9).recorded().situation().submitted_against == by(15)


def test_a_late_suspension_and_its_late_end_lie_within_the_past() -> None:
    task = DONE.when(cmd.SuspendTask(), on=3, unit="REV").recorded().when(cmd.ResumeTask(), on=5).recorded()
    assert [task.situation(on).suspended_by for on in (2, 3, 4, 5, 12)] == [None, "REV", "REV", None, None]


def test_a_late_suspension_lasts_until_the_next_one_when_its_end_is_not_known() -> None:
    task = given(on(1, assigned()), on(10, suspended(), unit="AUTH"), on(15, resumed()))
    task = task.when(cmd.SuspendTask(), on=5, unit="REV").recorded()
    assert [task.situation(on).suspended_by for on in (5, 9, 10, 14, 15)] == ["REV", "REV", "AUTH", "AUTH", None]
    task = task.when(cmd.ResumeTask(), on=8).recorded()
    assert [task.situation(on).suspended_by for on in (5, 8, 10, 15)] == ["REV", None, "AUTH", None]


def test_a_late_submission_and_its_late_return_lie_before_the_one_that_was_accepted() -> None:
    task = DONE.when(cmd.SubmitResult("U3"), on=5).recorded()
    assert (task.situation(8).reviewer, task.situation(9).reviewer) == ("U3", "REV")
    task = task.when(cmd.ReturnResult("incomplete"), on=7).recorded()
    assert [task.situation(on).life for on in (4, 5, 7, 9, 12)] == ["open", "submitted", "open", "submitted", "done"]
    assert (task.situation().submitted_on, task.situation().returns) == (day(9), 1)


# ── what stands of later days ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("past", "command", "of", "contradicted"),
    [
        # The result was accepted on the 12th, so it was not returned before, unless it was submitted once more.
        (DONE, cmd.ReturnResult("incomplete"), 10, "task.result-accepted of 2025-03-12 (version 3)"),
        (DONE, cmd.AcceptResult(), 10, "task.result-accepted of 2025-03-12 (version 3)"),
        (DONE, cmd.CancelTask(), 8, "task.result-submitted of 2025-03-09 (version 2)"),
        (DONE, cmd.CancelTask(), 11, "task.result-accepted of 2025-03-12 (version 3)"),
        (
            given(on(1, assigned()), on(5, submitted()), on(8, returned()), on(10, submitted())),
            cmd.AcceptResult(),
            6,
            "task.result-returned of 2025-03-08 (version 3)",
        ),
        (
            given(on(1, assigned()), on(5, submitted()), on(8, returned())),
            cmd.ReturnResult("incomplete"),
            6,
            "task.result-returned of 2025-03-08 (version 3)",
        ),
        (
            given(on(1, assigned()), on(8, cancelled())),
            cmd.CancelTask(),
            5,
            "task.cancelled of 2025-03-08 (version 2)",
        ),
        (
            given(on(1, assigned()), on(8, suspended()), on(9, resumed())),
            cmd.CancelTask(),
            5,
            "task.suspended of 2025-03-08 (version 2)",
        ),
        (
            given(on(1, assigned()), on(5, suspended()), on(9, resumed())),
            cmd.ResumeTask(),
            7,
            "task.resumed of 2025-03-09 (version 3)",
        ),
        (
            given(on(1, assigned()), on(5, cancelled()), on(10, reopened())),
            cmd.ReopenTask("scope"),
            7,
            "task.reopened of 2025-03-10 (version 3)",
        ),
        (
            given(on(1, assigned(by(10))), on(9, extended(by(17)))),
            cmd.ExtendDeadline(by(17)),
            8,
            "task.deadline-extended of 2025-03-09 (version 2)",
        ),
        (
            given(on(1, assigned(by(10))), on(9, extended(by(17)))),
            cmd.RebaselineTask(by(20)),
            8,
            "task.deadline-extended of 2025-03-09 (version 2)",
        ),
        (
            given(on(1, assigned(by(20))), on(9, brought_forward(by(17)))),
            cmd.BringDeadlineForward(by(15)),
            8,
            "task.deadline-brought-forward of 2025-03-09 (version 2)",
        ),
    ],
)
def test_a_late_record_does_not_take_the_ground_from_what_stands_of_a_later_day(
    past: Given, command: cmd.TaskCommand, of: int, contradicted: str
) -> None:
    past.when(command, on=of).then_refused(
        "contradicts_later", "effective_at", contradicted, "retract that record first"
    )


def test_a_result_dated_before_the_assignment_leaves_room_for_later_records_as_well() -> None:
    past = given(on(10, assigned()), on(7, submitted()), on(12, accepted()))
    past.when(cmd.AcceptResult(), on=8).then_refused("contradicts_later", "effective_at", "(version 3)")


def test_what_counted_for_nothing_already_is_not_contradicted() -> None:
    retraction = ev.RecordRetracted(event="task/T1/2", version=2, reason="not ours")
    past = given(on(1, assigned()), on(5, submitted()), on(8, accepted()), on(9, retraction))
    assert past.situation().life == "open"
    past.when(cmd.CancelTask(), on=7).recorded()


def test_with_the_later_records_retracted_a_late_return_can_be_put_in_and_the_rest_again() -> None:
    task = DONE.when(cmd.RetractRecord("returned in between", version=3)).recorded()
    for of, command in ((10, cmd.ReturnResult("incomplete")), (11, cmd.SubmitResult("REV")), (12, cmd.AcceptResult())):
        task = task.when(command, on=of).recorded()
    assert [task.situation(on).life for on in (9, 10, 11, 12)] == ["submitted", "open", "submitted", "done"]


def test_reports_blockers_and_units_of_later_days_are_no_hindrance() -> None:
    past = given(on(1, assigned()), on(8, reported(10), blocker_raised("b1"), reassigned("U2")))
    past.when(cmd.CancelTask(), on=5).recorded()


# ── stepwise ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_that_changed_nothing_still_keeps_its_day_when_an_earlier_one_comes() -> None:
    # The acceptance of the 10th lost its submission, and gets it back by one that is recorded anew for the 8th.
    facts = [on(1, assigned()), on(8, submitted()), on(10, accepted())]
    retraction = ev.RecordRetracted(event="task/T1/2", version=2, reason="wrong reviewer")
    task = given(*facts, on(11, retraction), on(8, submitted("U3")))
    assert [task.situation(on).life for on in (8, 10)] == ["submitted", "done"]
    assert task.task.latest == day(10)


def test_rebaselining_late_moves_the_baseline_from_that_day_on() -> None:
    task = (
        given(on(1, assigned(by(10))), on(9, reported(1)))
        .when(cmd.RebaselineTask(by(20)), on=5)
        .then(rebaselined(by(20)))
    )
    assert [task.situation(on).baseline for on in (4, 5)] == [by(10), by(20)]
