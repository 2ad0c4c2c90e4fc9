"""Blockers: raised, judged, resolved."""

from __future__ import annotations

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev

from .given import (
    accepted,
    assigned,
    blocker_confirmed,
    blocker_raised,
    blocker_rejected,
    blocker_resolved,
    by,
    day,
    given,
    on,
    retracted,
    submitted,
)

TASK = given(on(1, assigned(by(10))))
BLOCKED = given(on(1, assigned(by(10))), on(8, blocker_raised("b1"), unit="U1"))
RESOLVED = given(on(1, assigned(by(10))), on(8, blocker_raised("b1")), on(14, blocker_resolved("b1")))
REJECTED = given(on(1, assigned(by(10))), on(8, blocker_raised("b1")), on(9, blocker_rejected("b1")))
VERDICTS: list[cmd.TaskCommand] = [cmd.ConfirmBlocker("b1"), cmd.RejectBlocker("b1")]


def test_a_blocker_has_an_owner_who_may_be_any_unit() -> None:
    command = cmd.RaiseBlocker("b1", "EXT", "coordination", "waiting for the land", "meet")
    task = TASK.when(command, on=8, unit="U1").then(
        ev.BlockerRaised(
            blocker="b1", owner="EXT", category="coordination", description="waiting for the land", proposal="meet"
        )
    )
    assert task.situation(7).blockers == ()
    (blocker,) = task.situation(8).blockers
    assert (blocker.owner, blocker.raised_by, blocker.raised_on, blocker.is_open) == ("EXT", "U1", day(8), True)
    TASK.when(cmd.RaiseBlocker("b1", "U1", "staff"), unit="U1").recorded()


@pytest.mark.parametrize("of", [5, 8, 12])
def test_a_blocker_is_raised_once_whatever_the_day(of: int) -> None:
    for past in (BLOCKED, RESOLVED, REJECTED):
        past.when(cmd.RaiseBlocker("b1", "U2", "staff"), on=of).then_refused("blocker_exists", "data.blocker", "b1")
    BLOCKED.when(cmd.RaiseBlocker("b2", "U2", "staff"), on=of).recorded()


def test_a_resolved_blocker_is_open_until_the_day_of_its_resolution() -> None:
    task = BLOCKED.when(cmd.ResolveBlocker("b1", "met"), on=14).then(ev.BlockerResolved(blocker="b1", reason="met"))
    assert [b.is_open for on in (8, 13, 14) for b in task.situation(on).blockers] == [True, True, False]
    assert task.situation().blockers[0].resolved_on == day(14)


@pytest.mark.parametrize("of", [8, 13, 14, 20])
def test_a_blocker_is_resolved_once_whatever_the_day(of: int) -> None:
    RESOLVED.when(cmd.ResolveBlocker("b1"), on=of).then_refused("blocker_resolved", "data.blocker", "on 2025-03-14")


@pytest.mark.parametrize("command", [cmd.ResolveBlocker("b1"), *VERDICTS])
def test_nothing_is_said_of_a_blocker_before_it_was_raised(command: cmd.TaskCommand) -> None:
    TASK.when(command).then_refused("unknown_blocker", "data.blocker", "b1", "2025-03-20")
    BLOCKED.when(command, on=7).then_refused("unknown_blocker", "data.blocker", "raised by 2025-03-07")


@pytest.mark.parametrize(
    ("command", "event", "verdict", "is_open"),
    [
        (cmd.ConfirmBlocker("b1", "checked"), ev.BlockerConfirmed(blocker="b1", reason="checked"), "confirmed", True),
        (cmd.RejectBlocker("b1", "not so"), ev.BlockerRejected(blocker="b1", reason="not so"), "rejected", False),
    ],
)
def test_a_verdict_confirms_a_blocker_or_rejects_it(
    command: cmd.TaskCommand, event: ev.EventData, verdict: str, is_open: bool
) -> None:
    (blocker,) = BLOCKED.when(command, on=9).then(event).situation().blockers
    assert (blocker.verdict, blocker.is_open) == (verdict, is_open)


@pytest.mark.parametrize("given_before", [blocker_confirmed("b1"), blocker_rejected("b1")])
@pytest.mark.parametrize("command", VERDICTS)
@pytest.mark.parametrize("of", [9, 10, 11])
def test_a_verdict_is_given_once_whatever_the_day(
    of: int, command: cmd.TaskCommand, given_before: ev.EventData
) -> None:
    past = given(on(1, assigned(by(10))), on(8, blocker_raised("b1")), on(10, given_before))
    past.when(command, on=of).then_refused("verdict_given", "data.blocker", "b1")


def test_a_rejected_blocker_is_none_so_it_is_not_resolved() -> None:
    REJECTED.when(cmd.ResolveBlocker("b1"), on=10).then_refused("blocker_rejected", "data.blocker", "b1 was rejected")


def test_a_blocker_resolved_before_its_rejection_stays_rejected() -> None:
    (blocker,) = REJECTED.when(cmd.ResolveBlocker("b1"), on=8).recorded().situation().blockers
    assert (blocker.verdict, blocker.is_open, blocker.resolved_on) == ("rejected", False, day(8))


@pytest.mark.parametrize("command", VERDICTS)
def test_a_resolved_blocker_still_gets_its_verdict(command: cmd.TaskCommand) -> None:
    RESOLVED.when(command, on=15).recorded()


def test_a_blocker_learnt_of_after_the_end_is_raised_resolved_and_confirmed() -> None:
    done = given(on(1, assigned(by(10))), on(20, submitted(), accepted()))
    task = done.when(cmd.RaiseBlocker("b1", "EXT", "coordination"), on=11).recorded()
    task = task.when(cmd.ResolveBlocker("b1"), on=18).recorded().when(cmd.ConfirmBlocker("b1"), on=26).recorded()
    (blocker,) = task.situation(26).blockers
    assert (blocker.raised_on, blocker.resolved_on, blocker.verdict) == (day(11), day(18), "confirmed")
    assert task.situation().life == "done"


def test_a_code_is_free_again_when_its_blocker_is_retracted_and_what_was_said_of_that_one_is_not_said_of_the_next() -> (
    None
):
    past = given(
        on(1, assigned(by(10))),
        on(5, blocker_raised("b1")),
        on(6, blocker_rejected("b1")),
        on(8, retracted(2)),
    )
    task = past.when(cmd.RaiseBlocker("b1", "U2", "staff"), on=9).recorded()
    assert task.situation().blockers[0].is_open
    task = task.when(cmd.ConfirmBlocker("b1"), on=10).recorded().when(cmd.ResolveBlocker("b1"), on=11).recorded()
    (blocker,) = task.situation().blockers
    assert (blocker.owner, blocker.verdict, blocker.resolved_on) == ("U2", "confirmed", day(11))


def test_a_blocker_raised_anew_for_an_earlier_day_keeps_the_resolution_that_follows() -> None:
    past = given(
        on(1, assigned(by(10))), on(5, blocker_raised("b1")), on(8, blocker_resolved("b1")), on(9, retracted(2))
    )
    task = past.when(cmd.RaiseBlocker("b1", "U2", "staff"), on=4).recorded()
    assert task.situation().blockers[0].resolved_on == day(8)
    task.when(cmd.ResolveBlocker("b1"), on=6).then_refused("blocker_resolved", "data.blocker", "2025-03-08")
