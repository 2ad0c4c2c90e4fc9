"""Deadlines: asked for, refused, extended, brought forward, rebaselined."""

from __future__ import annotations

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.values import Deadline, Ground

from .given import (
    assigned,
    before,
    blocker_raised,
    blocker_resolved,
    brought_forward,
    by,
    day,
    extended,
    given,
    on,
    reassigned,
    rebaselined,
    request_refused,
    requested,
    resumed,
    suspended,
)

TASK = given(on(1, assigned(by(10))))
NOT_STATED = given(on(1, assigned()))
ASKED = given(on(1, assigned(by(10))), on(5, requested("r1", by(17)), unit="U1"))


# ── extend_deadline ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_extension_moves_the_deadline_in_force_and_no_other() -> None:
    command = cmd.ExtendDeadline(by(17), (), "REV", "12/QD", "see document", retroactive=True)
    expected = extended(by(17), approved_by="REV", document="12/QD", reason="see document", retroactive=True)
    task = TASK.when(command, on=9).then(expected)
    assert task.situation(8).deadline == by(10)
    assert task.situation(9).deadline == by(17)
    assert task.situation(9).baseline == task.situation(9).original == by(10)


def test_the_acting_unit_approves_when_no_other_is_named() -> None:
    TASK.when(cmd.ExtendDeadline(by(17)), unit="REV").then(extended(by(17), approved_by="REV"))
    TASK.when(cmd.RebaselineTask(by(17)), unit="REV").then(
        ev.Rebaselined(new_deadline=by(17), approved_by="REV", document=None, reason=None)
    )
    TASK.when(cmd.BringDeadlineForward(by(7)), unit="REV").then(
        ev.DeadlineBroughtForward(new_deadline=by(7), approved_by="REV", document=None, reason=None)
    )


@pytest.mark.parametrize("new", [by(10), by(9), before(11), before(10)])
def test_a_deadline_is_extended_only_to_a_later_last_day(new: Deadline) -> None:
    for command in (cmd.ExtendDeadline(new), cmd.RequestExtension("r1", new)):
        TASK.when(command).then_refused("not_later", "data.new_deadline", "not later than 2025-03-10")


def test_before_a_day_is_one_day_less_than_by_it() -> None:
    before_the_15th = given(on(1, assigned(before(15))))
    before_the_15th.when(cmd.ExtendDeadline(by(14))).then_refused("not_later", "data.new_deadline", "2025-03-14")
    before_the_15th.when(cmd.ExtendDeadline(by(15))).then(extended(by(15)))


def test_an_extension_may_be_decided_after_the_deadline_has_passed() -> None:
    assert TASK.when(cmd.ExtendDeadline(by(12)), on=20).recorded().situation().deadline == by(12)


@pytest.mark.parametrize("command", [cmd.ExtendDeadline(by(20)), cmd.RequestExtension("r1", by(20))])
def test_a_task_without_a_deadline_has_none_to_extend(command: cmd.TaskCommand) -> None:
    NOT_STATED.when(command).then_refused("no_deadline", "data.new_deadline", "rebaseline_task")


# ── grounds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

WITH_A_PAST = given(
    on(1, assigned(by(10))),
    on(2, blocker_raised("b1")),
    on(3, blocker_resolved("b1")),
    on(4, suspended(), unit="REV"),
    on(5, resumed()),
    on(6, reassigned("U2")),
)
GROUNDS = (Ground(blocker="b1"), Ground(suspension_by="REV"), Ground(predecessor_lead="U1"))


def test_an_extension_rests_on_blockers_suspensions_and_predecessors_of_this_task() -> None:
    WITH_A_PAST.when(cmd.ExtendDeadline(by(20), GROUNDS), on=9).then(extended(by(20), grounds=GROUNDS))
    WITH_A_PAST.when(cmd.RequestExtension("r1", by(20), GROUNDS), on=9).then(requested("r1", by(20), *GROUNDS))


@pytest.mark.parametrize("ground", [Ground(), Ground(blocker="b1", suspension_by="REV")])
def test_a_ground_names_exactly_one_thing(ground: Ground) -> None:
    WITH_A_PAST.when(cmd.ExtendDeadline(by(20), (Ground(blocker="b1"), ground))).then_refused(
        "which_ground", "data.grounds[1]", "exactly one of blocker, suspension_by, predecessor_lead"
    )


def test_a_ground_is_named_once_because_its_debt_is_spent_once() -> None:
    WITH_A_PAST.when(cmd.ExtendDeadline(by(20), (Ground(blocker="b1"), Ground(blocker="b1")))).then_refused(
        "repeated_ground", "data.grounds[1]", "twice"
    )


@pytest.mark.parametrize(
    ("ground", "field", "words"),
    [
        (Ground(blocker="b9"), "blocker", "no blocker b9 was raised by 2025-03-20"),
        (Ground(suspension_by="U3"), "suspension_by", "U3 had not suspended the task by 2025-03-20"),
        (Ground(predecessor_lead="U3"), "predecessor_lead", "U3 had not led the task by 2025-03-20"),
    ],
)
def test_a_ground_that_is_no_part_of_the_tasks_past_is_refused(ground: Ground, field: str, words: str) -> None:
    WITH_A_PAST.when(cmd.ExtendDeadline(by(25), (ground,))).then_refused(
        "unknown_ground", f"data.grounds[0].{field}", words
    )


@pytest.mark.parametrize(("ground", "of"), [(GROUNDS[0], 1), (GROUNDS[1], 3), (Ground(predecessor_lead="U2"), 5)])
def test_a_ground_that_lies_after_the_decision_is_refused(ground: Ground, of: int) -> None:
    WITH_A_PAST.when(cmd.ExtendDeadline(by(25), (ground,)), on=of).then_refused(
        "unknown_ground", f"data.grounds[0].{ground.named[0]}", f"by 2025-03-0{of}"
    )


# ── request_extension, refuse_extension ──────────────────────────────────────────────────────────────────────────────


def test_a_request_waits_for_its_answer_and_moves_nothing() -> None:
    command = cmd.RequestExtension("r1", by(17), reason="late delivery")
    task = TASK.when(command, on=5, unit="U1").then(
        ev.ExtensionRequested(request="r1", new_deadline=by(17), grounds=(), reason="late delivery")
    )
    (request,) = task.situation(5).requests
    assert (request.code, request.by, request.new_deadline) == ("r1", "U1", by(17))
    assert task.situation(5).deadline == by(10)


def test_a_request_is_made_once() -> None:
    for past in (ASKED, given(on(1, assigned(by(10))), on(5, requested("r1", by(17)), request_refused("r1")))):
        past.when(cmd.RequestExtension("r1", by(18))).then_refused("request_exists", "data.request", "r1")


def test_a_request_is_answered_by_a_refusal_or_by_an_extension_which_may_differ() -> None:
    refused = ASKED.when(cmd.RefuseExtension("r1", "no grounds"), on=6).then(
        ev.ExtensionRefused(request="r1", reason="no grounds")
    )
    granted = ASKED.when(cmd.ExtendDeadline(by(14), request="r1"), on=6).then(extended(by(14), "r1"))
    assert refused.situation().requests == granted.situation().requests == ()
    assert (refused.situation().deadline, granted.situation().deadline) == (by(10), by(14))


@pytest.mark.parametrize("answer", [cmd.RefuseExtension("r1"), cmd.ExtendDeadline(by(18), request="r1")])
def test_a_request_that_does_not_wait_cannot_be_answered(answer: cmd.TaskCommand) -> None:
    for past in (
        TASK,
        given(on(1, assigned(by(10))), on(5, requested("r1", by(17))), on(6, request_refused("r1"))),
        given(on(1, assigned(by(10))), on(5, requested("r1", by(17))), on(6, extended(by(17), "r1"))),
    ):
        past.when(answer, on=7).then_refused("unknown_request", "data.request", "r1", "2025-03-07")
    ASKED.when(answer, on=4).then_refused("unknown_request", "data.request", "2025-03-04")


@pytest.mark.parametrize("answer", [cmd.RefuseExtension("r1"), cmd.ExtendDeadline(by(14), request="r1")])
@pytest.mark.parametrize("later", [request_refused("r1"), extended(by(17), "r1")])
def test_a_request_cannot_be_answered_a_second_time_on_an_earlier_day(
    answer: cmd.TaskCommand, later: ev.EventData
) -> None:
    past = given(on(1, assigned(by(10))), on(5, requested("r1", by(17))), on(8, later))
    past.when(answer, on=6).then_refused("request_answered", "data.request", "r1", "2025-03-08")


def test_a_request_does_not_keep_the_authority_from_extending_without_answering_it() -> None:
    assert len(ASKED.when(cmd.ExtendDeadline(by(14))).recorded().situation().requests) == 1


# ── bring_deadline_forward, rebaseline_task ──────────────────────────────────────────────────────────────────────────


def test_a_deadline_is_brought_forward_to_an_earlier_last_day() -> None:
    task = TASK.when(cmd.BringDeadlineForward(by(7)), on=4).then(brought_forward(by(7)))
    assert (task.situation().deadline, task.situation().baseline) == (by(7), by(10))
    TASK.when(cmd.BringDeadlineForward(before(10))).then(brought_forward(before(10)))


@pytest.mark.parametrize("new", [by(10), before(11), by(12)])
def test_a_deadline_is_not_brought_forward_to_the_same_or_a_later_last_day(new: Deadline) -> None:
    TASK.when(cmd.BringDeadlineForward(new)).then_refused(
        "not_earlier", "data.new_deadline", "not earlier than 2025-03-10"
    )


def test_a_task_without_a_deadline_has_none_to_bring_forward() -> None:
    NOT_STATED.when(cmd.BringDeadlineForward(by(7))).then_refused("no_deadline", "data.new_deadline", "rebaseline_task")


def test_rebaselining_moves_the_baseline_and_keeps_the_original() -> None:
    task = TASK.when(cmd.RebaselineTask(by(20)), on=4).then(rebaselined(by(20)))
    situation = task.situation()
    assert (situation.deadline, situation.baseline, situation.original) == (by(20), by(20), by(10))


def test_rebaselining_gives_a_first_deadline_to_a_task_that_has_none() -> None:
    situation = NOT_STATED.when(cmd.RebaselineTask(by(20))).recorded().situation()
    assert (situation.deadline, situation.baseline, situation.original) == (by(20), by(20), by(20))


def test_rebaselining_to_what_is_the_baseline_and_in_force_is_refused() -> None:
    TASK.when(cmd.RebaselineTask(by(10))).then_refused("same_deadline", "data.new_deadline", "2025-03-10")


def test_an_extension_can_be_made_the_baseline() -> None:
    past = given(on(1, assigned(by(10))), on(5, extended(by(17))))
    situation = past.when(cmd.RebaselineTask(by(17))).then(rebaselined(by(17))).situation()
    assert (situation.deadline, situation.baseline, situation.original) == (by(17), by(17), by(10))


def test_the_wording_of_a_deadline_is_kept() -> None:
    worded = Deadline(day(15), "before", "before mid-March")
    assert TASK.when(cmd.ExtendDeadline(worded)).recorded().situation().deadline == worded
