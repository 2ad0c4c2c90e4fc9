"""Retraction: the mistaken event stays, and counts for nothing from then on, and neither do its follow-ups."""

from __future__ import annotations

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.task import Situation

from .given import (
    Fact,
    accepted,
    assigned,
    blocker_confirmed,
    blocker_raised,
    blocker_rejected,
    blocker_resolved,
    brought_forward,
    by,
    cancelled,
    extended,
    given,
    on,
    reassigned,
    rebaselined,
    reopened,
    reported,
    request_refused,
    requested,
    resumed,
    retracted,
    returned,
    submitted,
    suspended,
)


def undone(*facts: list[Fact]) -> tuple[Situation, Situation]:
    """What the last fact's retraction leaves, and what stood before that fact."""
    mistaken = given(*facts)
    command = cmd.RetractRecord("entered by mistake", version=mistaken.task.version)
    task = mistaken.when(command).then(retracted(mistaken.task.version))
    assert task.task.events[:-1] == mistaken.task.events, "the mistaken event stays"
    assert task.task.version == mistaken.task.version + 1
    return task.situation(), given(*facts[:-1]).situation()


START = on(1, assigned(by(10)))


@pytest.mark.parametrize(
    ("before", "mistake"),
    [
        ([], reassigned("U2")),
        ([], ev.CoordinatingSet(units=("U2",))),
        ([], ev.OfficerNamed(officer="A. Officer")),
        ([], requested("r1", by(20))),
        ([requested("r1", by(20))], request_refused("r1")),
        ([requested("r1", by(20))], extended(by(20), "r1")),
        ([], extended(by(20))),
        ([], rebaselined(by(20))),
        ([], brought_forward(by(5))),
        ([], reported(5000)),
        ([], blocker_raised("b1")),
        ([blocker_raised("b1")], blocker_confirmed("b1")),
        ([blocker_raised("b1")], blocker_rejected("b1")),
        ([blocker_raised("b1")], blocker_resolved("b1")),
        ([], submitted()),
        ([submitted()], returned()),
        ([submitted()], accepted()),
        ([], suspended()),
        ([suspended()], resumed()),
        ([], cancelled()),
        ([cancelled()], reopened()),
    ],
    ids=lambda value: value.type_name if isinstance(value, ev.EventData) else "after",
)
def test_a_record_of_any_kind_can_be_retracted_as_if_it_had_not_been(
    before: list[ev.EventData], mistake: ev.EventData
) -> None:
    now, once = undone(START, on(5, *before), on(8, mistake))
    assert now == once


# ── what may be retracted ────────────────────────────────────────────────────────────────────────────────────────────

PAST = given(on(1, assigned(by(10))), on(5, reported(1000)), on(8, reported(2000)), on(9, retracted(3)))


def test_a_record_is_named_by_its_id_or_by_its_version() -> None:
    expected = ev.RecordRetracted(event="task/T1/2", version=2, reason="wrong task")
    PAST.when(cmd.RetractRecord("wrong task", event="task/T1/2")).then(expected)
    PAST.when(cmd.RetractRecord("wrong task", version=2)).then(expected)


def test_a_record_is_named_in_one_way() -> None:
    for command in (cmd.RetractRecord("?"), cmd.RetractRecord("?", event="task/T1/2", version=2)):
        PAST.when(command).then_refused("which_record", "data.event", "either by its event id or by its version")


def test_a_record_that_is_not_this_tasks_cannot_be_retracted() -> None:
    PAST.when(cmd.RetractRecord("?", event="task/T2/2")).then_refused("unknown_record", "data.event", "no such record")
    for version in (0, 5, -1):
        PAST.when(cmd.RetractRecord("?", version=version)).then_refused("unknown_record", "data.version")


def test_a_record_is_retracted_once() -> None:
    PAST.when(cmd.RetractRecord("?", version=3)).then_refused("already_retracted", "data.version", "version 3")


def test_the_assignment_and_retractions_themselves_stay() -> None:
    PAST.when(cmd.RetractRecord("?", version=1)).then_refused("not_retractable", "data.version", "cancel the task")
    PAST.when(cmd.RetractRecord("?", version=4)).then_refused("not_retractable", "data.version", "once more")


def test_what_was_retracted_can_be_recorded_again() -> None:
    facts = [START, on(5, requested("r1", by(17)), blocker_raised("b1")), on(6, retracted(2), retracted(3))]
    task = given(*facts).when(cmd.RequestExtension("r1", by(18)), on=5).recorded()
    task = task.when(cmd.RaiseBlocker("b1", "U2", "staff"), on=5).recorded()
    assert (task.situation().requests[0].new_deadline, task.situation().blockers[0].owner) == (by(18), "U2")


# ── follow-ups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_its_submission_an_acceptance_counts_for_nothing() -> None:
    assert given(START, on(9, submitted()), on(12, accepted()), on(13, retracted(2))).situation().life == "open"


def test_without_its_submission_a_return_counts_for_nothing() -> None:
    assert given(START, on(9, submitted()), on(12, returned()), on(13, retracted(2))).situation().returns == 0


def test_without_its_acceptance_a_reopening_counts_for_nothing() -> None:
    facts = [START, on(9, submitted()), on(10, accepted()), on(12, reopened()), on(13, retracted(3))]
    situation = given(*facts).situation()
    assert (situation.life, situation.submitted_on) == ("submitted", given(*facts[:2]).situation().submitted_on)


@pytest.mark.parametrize("follow_up", [[submitted(), accepted()], [cancelled()], [suspended()]])
def test_without_its_reopening_what_came_after_counts_for_nothing(follow_up: list[ev.EventData]) -> None:
    done = [START, on(5, submitted()), on(6, accepted())]
    situation = given(*done, on(8, reopened()), on(10, *follow_up), on(12, retracted(4))).situation()
    assert situation == given(*done).situation()


def test_without_its_suspension_a_resumption_counts_for_nothing() -> None:
    facts = [START, on(5, suspended()), on(8, resumed()), on(9, retracted(2))]
    assert [given(*facts).situation(on).suspended_by for on in (5, 8)] == [None, None]


@pytest.mark.parametrize("follow_up", [blocker_resolved("b1"), blocker_confirmed("b1"), blocker_rejected("b1")])
def test_without_its_blocker_what_was_said_of_it_counts_for_nothing(follow_up: ev.EventData) -> None:
    task = given(START, on(5, blocker_raised("b1")), on(8, follow_up), on(9, retracted(2)))
    assert task.situation().blockers == ()
    assert len(task.task.segments) == 1


def test_without_its_request_a_refusal_counts_for_nothing_and_an_extension_stands_on_its_own() -> None:
    for follow_up, deadline in ((request_refused("r1"), by(10)), (extended(by(17), "r1"), by(17))):
        situation = given(START, on(5, requested("r1", by(17))), on(6, follow_up), on(9, retracted(2))).situation()
        assert (situation.requests, situation.deadline) == ((), deadline)


def test_the_answer_to_a_request_that_was_retracted_waits_again() -> None:
    task = given(START, on(5, requested("r1", by(17))), on(6, request_refused("r1")), on(9, retracted(3)))
    task.when(cmd.ExtendDeadline(by(17), request="r1"), on=10).recorded()


def test_an_extension_that_would_no_longer_extend_counts_for_nothing() -> None:
    task = given(START, on(4, brought_forward(by(5))), on(6, extended(by(8))), on(9, retracted(2)))
    assert task.situation().deadline == by(10)


def test_a_deadline_that_would_no_longer_be_brought_forward_stays() -> None:
    task = given(START, on(4, extended(by(20))), on(6, brought_forward(by(15))), on(9, retracted(2)))
    assert task.situation().deadline == by(10)


def test_without_its_first_deadline_a_task_has_none_to_change() -> None:
    first = [on(1, assigned()), on(4, rebaselined(by(10)))]
    for change in (extended(by(20)), brought_forward(by(5))):
        situation = given(*first, on(6, change), on(9, retracted(2))).situation()
        assert (situation.deadline, situation.baseline, situation.original) == (None, None, None)


def test_an_acceptance_that_is_left_with_a_later_submission_counts_for_nothing() -> None:
    # Both results are older than the task, so the order recorded decides; then the second one turns out mistaken.
    early = given(on(10, assigned()), on(7, submitted()), on(10, returned()), on(6, submitted()), on(6, accepted()))
    task = early.when(cmd.RetractRecord("?", version=4)).recorded().when(cmd.RetractRecord("?", version=3)).recorded()
    assert task.situation().life == "submitted"


def test_a_follow_up_counts_again_when_its_ground_is_recorded_anew() -> None:
    facts = [START, on(9, submitted()), on(12, accepted()), on(13, retracted(2))]
    task = given(*facts).when(cmd.SubmitResult("U3"), on=9).recorded()
    assert (task.situation().life, task.situation().reviewer) == ("done", "U3")


def test_a_retraction_on_a_closed_task_may_open_it() -> None:
    done = given(START, on(9, submitted()), on(12, accepted()))
    task = done.when(cmd.RetractRecord("not accepted", version=3), on=20).recorded()
    assert [task.situation(on).life for on in (12, 20)] == ["submitted", "submitted"]
