"""The life of a task: submitted, returned, accepted, suspended, resumed, cancelled, reopened."""

from __future__ import annotations

from typing import Literal

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.values import Document

from .given import (
    Given,
    accepted,
    assigned,
    by,
    cancelled,
    day,
    extended,
    given,
    on,
    reported,
    resumed,
    returned,
    submitted,
    suspended,
)

TASK = given(on(1, assigned(by(10))))
SUBMITTED = given(on(1, assigned(by(10))), on(9, submitted()))
DONE = given(on(1, assigned(by(10))), on(9, submitted()), on(12, accepted()))
SUSPENDED = given(on(1, assigned(by(10))), on(5, suspended(), unit="REV"))
CANCELLED = given(on(1, assigned(by(10))), on(9, submitted()), on(12, cancelled()))
EVIDENCE = (Document("report.pdf", "application/pdf", 12_345, "0" * 64),)


# ── submit_result, return_result, accept_result ──────────────────────────────────────────────────────────────────────


def test_a_submitted_result_waits_for_its_reviewer() -> None:
    task = TASK.when(cmd.SubmitResult("REV", EVIDENCE), on=9).then(
        ev.ResultSubmitted(reviewer="REV", evidence=EVIDENCE)
    )
    situation = task.situation(9)
    assert (situation.life, situation.reviewer, situation.submitted_on) == ("submitted", "REV", day(9))
    assert task.situation(8).life == "open"


def test_a_result_that_waits_is_not_submitted_again() -> None:
    SUBMITTED.when(cmd.SubmitResult("REV")).then_refused("already_submitted", "task", "waits for REV since 2025-03-09")


def test_a_suspended_task_is_resumed_before_its_result_is_submitted() -> None:
    SUSPENDED.when(cmd.SubmitResult("REV")).then_refused("task_suspended", "task", "suspended by REV", "resume it")


def test_a_returned_result_is_open_again_and_can_be_submitted_again() -> None:
    task = SUBMITTED.when(cmd.ReturnResult("incomplete"), on=13).then(returned())
    situation = task.situation()
    assert (situation.life, situation.returns, situation.reviewer, situation.submitted_on) == ("open", 1, None, None)
    assert task.when(cmd.SubmitResult("REV"), on=18).recorded().situation().submitted_on == day(18)


def test_an_accepted_result_ends_the_task() -> None:
    task = SUBMITTED.when(cmd.AcceptResult(), on=12).then(accepted())
    situation = task.situation()
    assert (situation.life, situation.closed_on, situation.submitted_on) == ("done", day(12), day(9))
    assert task.situation(11).life == "submitted"


@pytest.mark.parametrize("command", [cmd.ReturnResult("incomplete"), cmd.AcceptResult()])
def test_without_a_result_there_is_nothing_to_review(command: cmd.TaskCommand) -> None:
    TASK.when(command).then_refused("not_submitted", "task", "2025-03-20")
    SUBMITTED.when(command, on=8).then_refused("not_submitted", "task", "2025-03-08")
    given(on(1, assigned()), on(5, submitted()), on(6, returned())).when(command).then_refused("not_submitted", "task")


def test_a_result_may_be_submitted_and_accepted_on_the_day_of_the_assignment() -> None:
    task = given(on(1, assigned())).when(cmd.SubmitResult("REV"), on=1).recorded()
    assert task.when(cmd.AcceptResult(), on=1).recorded().situation(1).life == "done"


# ── a result that is older than its task ─────────────────────────────────────────────────────────────────────────────


def test_a_result_dated_before_the_assignment_is_taken_and_flagged() -> None:
    task = given(on(10, assigned(by(20)))).when(cmd.SubmitResult("REV"), on=7).recorded()
    assert not task.situation(10).ends_before_start
    situation = task.when(cmd.AcceptResult(), on=8).recorded().situation(10)
    assert (situation.life, situation.submitted_on, situation.closed_on) == ("done", day(7), day(8))
    assert situation.ends_before_start


def test_it_takes_effect_on_the_day_of_the_assignment_and_not_before() -> None:
    task = given(on(10, assigned(by(20))), on(7, submitted()), on(8, accepted()))
    assert task.task.situation(day(9)) is None
    assert len(task.task.segments) == 1


def test_a_result_of_the_same_day_is_flagged_when_both_have_a_time_and_its_own_is_earlier() -> None:
    start, end = "2025-03-10T01:06:40+07:00", "2025-03-10T00:00:00+07:00"
    assert given(on(start, assigned()), on(end, submitted(), accepted())).situation().ends_before_start
    assert not given(on(end, assigned()), on(start, submitted(), accepted())).situation().ends_before_start
    assert not given(on(start, assigned()), on(10, submitted(), accepted())).situation().ends_before_start


def test_a_result_is_not_accepted_on_a_day_before_it_was_submitted() -> None:
    early = given(on(10, assigned(by(20))), on(8, submitted()))
    early.when(cmd.AcceptResult(), on=7).then_refused("before_submission", "effective_at", "2025-03-08", "2025-03-07")
    early.when(cmd.AcceptResult(), on=8).recorded()
    same_day = given(on(10, assigned(by(20))), on(10, submitted()))
    same_day.when(cmd.AcceptResult(), on=9).then_refused("before_submission", "effective_at")


# ── suspend_task, resume_task ────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_suspended_by_the_unit_that_acts_until_it_is_resumed() -> None:
    task = TASK.when(cmd.SuspendTask("directive"), on=5, unit="REV").then(ev.TaskSuspended(reason="directive"))
    task = task.when(cmd.ResumeTask(), on=8).then(resumed())
    assert [task.situation(on).suspended_by for on in (4, 5, 7, 8)] == [None, "REV", "REV", None]


def test_a_suspended_task_is_not_suspended_again() -> None:
    SUSPENDED.when(cmd.SuspendTask()).then_refused("task_suspended", "task", "already suspended by REV")


def test_a_task_that_is_not_suspended_is_not_resumed() -> None:
    TASK.when(cmd.ResumeTask()).then_refused("not_suspended", "task", "2025-03-20")
    SUSPENDED.when(cmd.ResumeTask(), on=4).then_refused("not_suspended", "task", "2025-03-04")


def test_a_result_under_review_may_be_suspended_and_still_be_accepted() -> None:
    task = SUBMITTED.when(cmd.SuspendTask(), on=10).recorded().when(cmd.AcceptResult(), on=11).recorded()
    assert (task.situation().life, task.situation().suspended_by) == ("done", None)


# ── cancel_task, reopen_task ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_is_cancelled_whether_submitted_suspended_or_neither() -> None:
    for past in (TASK, SUBMITTED, SUSPENDED):
        task = past.when(cmd.CancelTask("no longer needed"), on=12).then(ev.TaskCancelled(reason="no longer needed"))
        situation = task.situation()
        assert (situation.life, situation.closed_on, situation.suspended_by) == ("cancelled", day(12), None)


@pytest.mark.parametrize("past", [DONE, CANCELLED], ids=["done", "cancelled"])
@pytest.mark.parametrize("cause", ["defect", "scope"])
def test_a_closed_task_is_reopened_and_its_result_is_due_anew(past: Given, cause: Literal["defect", "scope"]) -> None:
    task = past.when(cmd.ReopenTask(cause, "see letter"), on=20).then(ev.TaskReopened(cause=cause, reason="see letter"))
    situation = task.situation()
    assert (situation.life, situation.closed_on, situation.submitted_on) == ("open", None, None)
    assert task.situation(19).is_closed


def test_an_open_task_is_not_reopened() -> None:
    TASK.when(cmd.ReopenTask("defect")).then_refused("task_open", "task", "open on 2025-03-20")
    DONE.when(cmd.ReopenTask("defect"), on=11).then_refused("task_open", "task", "open on 2025-03-11")


def test_a_task_is_closed_and_reopened_as_often_as_it_happens() -> None:
    task = DONE
    for of in (14, 18):
        task = task.when(cmd.ReopenTask("defect"), on=of).recorded()
        task.when(cmd.ReopenTask("defect"), on=of).then_refused("task_open", "task")
        task = task.when(cmd.SubmitResult("REV"), on=of + 1).recorded()
        task = task.when(cmd.AcceptResult(), on=of + 2).recorded()
    lives = [task.situation(on).life for on in range(12, 21)]
    assert lives == ["done", "done", "open", "submitted", "done", "done", "open", "submitted", "done"]


def test_the_deadline_of_a_submission_is_the_one_in_force_on_its_day() -> None:
    task = given(
        on(1, assigned(by(10))), on(5, extended(by(17))), on(12, submitted(), reported(9000)), on(13, accepted())
    )
    assert task.situation().submitted_against == by(17)
