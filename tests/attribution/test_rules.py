"""Corners of the rules that the page's examples leave out: each a small history, a question, and the answer."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.attribution import AFFECTS_CHARGES, Place, Run, attribute, attribute_both, charges, epoch_on, slip
from ledger.attribution.spans import overlay
from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.calendar import working_days
from ledger.domain.events import EVENT_TYPES
from ledger.domain.values import Deadline

from .examples import check
from .histories import History, event_of, position

VIET_NAM = working_days("VN", None)


def day(number: int) -> dt.date:
    return dt.date(2025, 3, number)


def assigned(deadline: int | None) -> History:
    history = History()
    given = Deadline(day(deadline)) if deadline is not None else None
    history.command(cmd.AssignTask(title="A task", lead="U1", deadline=given), "AUTH", "2025-02-24")
    return history


RULES = {
    "states of one day: the last one holds at midnight": """
        2025-02-24  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-10  U1    submit_result  reviewer=REV
        2025-03-12  REV   return_result
        2025-03-12  U1    submit_result  reviewer=AUTH
        on 2025-03-14
        AUTH  review  2025-03-13 .. 2025-03-14  (1, 4)
        REV   review  2025-03-11 .. 2025-03-12  (1, 2)
    """,
    "touching ranges of one charge are one range, though they rest on different events": """
        2025-02-24  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-10  U1    submit_result  reviewer=REV
        2025-03-12  REV   return_result
        2025-03-12  U1    submit_result  reviewer=REV
        on 2025-03-14
        REV  review  2025-03-11 .. 2025-03-14  (1, 2, 4)
        on 2025-03-12
        REV  review  2025-03-11 .. 2025-03-12  (1, 2)
    """,
    "a result dated before the assignment takes effect on its day": """
        2025-03-12  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-05  U1    submit_result  reviewer=REV, recorded 2025-03-13
        on 2025-03-14
        REV  review  2025-03-13 .. 2025-03-14  (1, 2)
        on 2025-03-12
        nothing
    """,
    "a deadline that was over when the task was assigned: slip begins on the next day": """
        2025-03-12  AUTH  assign_task  lead=U1 deadline=2025-03-01
        on 2025-03-14
        U1  late  2025-03-13 .. 2025-03-14  (1)
    """,
    "blockers of the same day: the smaller id in character order has it": """
        2025-02-24  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-10  U1    raise_blocker  blocker=b2 owner=U2
        2025-03-10  U1    raise_blocker  blocker=b10 owner=EXT
        on 2025-03-11
        EXT  blocker b10                 2025-03-11  (1, 3)
             beside it U2 blocker b2     2025-03-11
    """,
    "a blocker recorded late counts from then, and is the earlier one all the same": """
        2025-02-24  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-11  U1    raise_blocker  blocker=b2 owner=U2
        2025-03-09  U1    raise_blocker  blocker=b1 owner=EXT, recorded 2025-03-13
        on 2025-03-14
        EXT  blocker b1                2025-03-14                (1, 3)
             beside it U2 blocker b2   2025-03-14
        U1   late                      2025-03-11                (1)
        U2   blocker b2                2025-03-12 .. 2025-03-13  (1, 2)
    """,
    "a blocker outlives the closing of its task": """
        2025-02-24  AUTH  assign_task    lead=U1 deadline=2025-03-10
        2025-03-05  U1    raise_blocker  blocker=b1 owner=EXT
        2025-03-12  AUTH  cancel_task
        2025-03-15  AUTH  reopen_task    cause=defect
        on 2025-03-16
        EXT  blocker b1             2025-03-11 .. 2025-03-12, 2025-03-16  (1, 2)
             beside it U1 rework    2025-03-16
    """,
    "debt is not spent on a day that a blocker has": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-01  AUTH  suspend_task
        2025-03-03  AUTH  resume_task
        2025-03-09  AUTH  extend_deadline  new_deadline=2025-03-17 grounds=suspension_by:AUTH
        2025-03-11  U1    raise_blocker    blocker=b1 owner=EXT
        2025-03-13  U1    resolve_blocker  blocker=b1
        on 2025-03-17
        AUTH  suspension through a ground  2025-03-11, 2025-03-14    (1, 2, 4)
        EXT   blocker b1                   2025-03-12 .. 2025-03-13  (1, 5)
        U1    ungrounded_extension         2025-03-15 .. 2025-03-17  (1, 4)
    """,
    "debt ends with the baseline, and is counted up to it though the extension came before": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-07  U1    raise_blocker    blocker=b1 owner=EXT
        2025-03-08  AUTH  extend_deadline  new_deadline=2025-03-20 grounds=blocker:b1
        2025-03-12  U1    resolve_blocker  blocker=b1
        on 2025-03-17
        EXT  blocker b1                   2025-03-11 .. 2025-03-12  (1, 2)
        EXT  blocker b1 through a ground  2025-03-13 .. 2025-03-15  (1, 2, 3)
        U1   ungrounded_extension         2025-03-16 .. 2025-03-17  (1, 3)
    """,
    "only days whose cause was the thing cited are debt: here the suspension had three of the five": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-01  U1    raise_blocker    blocker=b1 owner=EXT
        2025-03-02  AUTH  suspend_task
        2025-03-05  AUTH  resume_task
        2025-03-06  U1    resolve_blocker  blocker=b1
        2025-03-10  AUTH  extend_deadline  new_deadline=2025-03-14 grounds=blocker:b1
        on 2025-03-14
        EXT  blocker b1 through a ground  2025-03-11 .. 2025-03-12  (1, 2, 6)
        U1   ungrounded_extension         2025-03-13 .. 2025-03-14  (1, 6)
    """,
    "a rejected blocker is no ground": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-01  U1    raise_blocker    blocker=b1 owner=EXT
        2025-03-03  U1    resolve_blocker  blocker=b1
        2025-03-10  AUTH  extend_deadline  new_deadline=2025-03-14 grounds=blocker:b1
        2025-03-12  AUTH  reject_blocker   blocker=b1
        on 2025-03-11
        U1  ungrounded_extension  2025-03-11  (1, 4)
    """,
    "rework inside an extension yields to a ground, and is shown beside it": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-01  AUTH  suspend_task
        2025-03-02  AUTH  resume_task
        2025-03-10  AUTH  extend_deadline  new_deadline=2025-03-14 grounds=suspension_by:AUTH
        2025-03-10  U1    submit_result    reviewer=REV
        2025-03-10  REV   return_result
        on 2025-03-13
        AUTH  suspension through a ground  2025-03-11                (1, 2, 4)
              beside it U1 rework          2025-03-11
        U1    rework                       2025-03-12 .. 2025-03-13  (1, 6)
    """,
    "covers overlap after a deadline was brought forward: the one decided first is taken first": """
        2025-02-24  AUTH  assign_task             lead=U1 deadline=2025-03-10
        2025-02-25  AUTH  suspend_task
        2025-02-26  AUTH  resume_task
        2025-03-01  U1    raise_blocker           blocker=b1 owner=EXT
        2025-03-02  U1    resolve_blocker         blocker=b1
        2025-03-05  AUTH  extend_deadline         new_deadline=2025-03-20 grounds=blocker:b1
        2025-03-06  AUTH  bring_deadline_forward  new_deadline=2025-03-10
        2025-03-07  AUTH  extend_deadline         new_deadline=2025-03-13 grounds=suspension_by:AUTH
        on 2025-03-13
        AUTH  suspension through a ground  2025-03-12  (1, 2, 8)
        EXT   blocker b1 through a ground  2025-03-11  (1, 4, 6)
        U1    ungrounded_extension         2025-03-13  (1, 6)
    """,
    "a rebaseline moves the debt as well": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-08  U1    raise_blocker    blocker=b1 owner=EXT
        2025-03-12  U1    resolve_blocker  blocker=b1
        2025-03-12  AUTH  rebaseline_task  new_deadline=2025-03-14
        2025-03-14  AUTH  extend_deadline  new_deadline=2025-03-20 grounds=blocker:b1
        on 2025-03-20
        EXT  blocker b1 through a ground  2025-03-15 .. 2025-03-18  (2, 4, 5)
        U1   ungrounded_extension         2025-03-19 .. 2025-03-20  (1, 4, 5)
        on 2025-03-20 against the original baseline
        EXT  blocker b1                   2025-03-11 .. 2025-03-12  (1, 2)
        EXT  blocker b1 through a ground  2025-03-15 .. 2025-03-16  (1, 2, 5)
        U1   ungrounded_extension  2025-03-13 .. 2025-03-14, 2025-03-17 .. 2025-03-20  (1, 4, 5)
    """,
    "a rebaseline to an earlier day covers nothing": """
        2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
        2025-03-05  AUTH  rebaseline_task  new_deadline=2025-03-08
        on 2025-03-11
        U1  late  2025-03-09 .. 2025-03-11  (1, 2)
        on 2025-03-11 against the original baseline
        U1  late  2025-03-11  (1)
    """,
    "the first deadline that a task gets is its original baseline": """
        2025-02-24  AUTH  assign_task      lead=U1
        2025-03-05  AUTH  rebaseline_task  new_deadline=2025-03-03
        2025-03-06  AUTH  rebaseline_task  new_deadline=2025-03-07
        on 2025-03-04 against the original baseline
        nothing
        on 2025-03-08 against the original baseline
        U1  late                  2025-03-04 .. 2025-03-06, 2025-03-08  (1, 2)
        U1  ungrounded_extension  2025-03-07                            (1, 2, 3)
        on 2025-03-08
        U1  late  2025-03-08  (1, 3)
    """,
    "retracting the acceptance opens the task again, as if it had never been closed": """
        2025-02-24  AUTH  assign_task     lead=U1 deadline=2025-03-10
        2025-03-10  U1    submit_result   reviewer=REV
        2025-03-11  REV   accept_result
        2025-03-20  AUTH  retract_record  version=3
        on 2025-03-13 as of 2025-03-19
        REV  review  2025-03-11  (1, 2)
        on 2025-03-13
        REV  review  2025-03-11 .. 2025-03-13  (1, 2)
    """,
}


@pytest.mark.parametrize("example", [pytest.param(text, id=rule) for rule, text in RULES.items()])
def test_rule(example: str) -> None:
    check(example)


def test_suspension_by_nobody_named_is_the_authoritys() -> None:
    history = assigned(10)
    history.record(ev.TaskSuspended(reason=None), None, "2025-03-10")
    (epoch,) = attribute(history.task, history.places, "active")
    assert epoch.runs == (Run(day(11), None, "AUTH", "suspension", None, False, (position(1), position(2)), ()),)


def test_records_from_before_the_assignment_keep_their_order_on_its_day() -> None:
    """No command makes such events; a fold that sorted them by their own day would end with U3."""
    history = History()
    assign = cmd.AssignTask(title="A task", lead="U1", deadline=Deadline(day(1)))
    history.command(assign, "AUTH", "2025-03-05")
    history.record(ev.LeadReassigned(lead="U3", reason=None), "AUTH", "2025-03-05")
    history.record(ev.LeadReassigned(lead="U2", reason=None), "AUTH", "2025-03-01")
    situation = history.task.situation(day(5))
    assert situation is not None
    (epoch,) = attribute(history.task, history.places, "active")
    assert [run.unit for run in epoch.runs] == [situation.lead] == ["U2"]


def test_task_without_a_deadline_has_one_epoch_and_no_slip() -> None:
    history = assigned(None)
    (epoch,) = attribute(history.task, history.places, "original")
    assert (epoch.on_from, epoch.on_to, epoch.baseline, epoch.runs) == (dt.date(2025, 2, 24), None, None, ())
    assert slip(epoch, dt.date(2999, 12, 31), VIET_NAM).calendar_days == 0


def test_open_task_ends_in_a_run_without_end_even_before_its_deadline() -> None:
    history = assigned(10)
    (epoch,) = attribute(history.task, history.places, "active")
    assert [(run.day_from, run.day_to) for run in epoch.runs] == [(day(11), None)]
    assert charges(epoch, day(10), VIET_NAM) == ()
    assert slip(epoch, dt.date(2125, 3, 10), VIET_NAM).calendar_days == 36524


def test_before_the_assignment_there_is_no_epoch() -> None:
    history = assigned(10)
    epochs = attribute(history.task, history.places, "active")
    assert epoch_on(epochs, dt.date(2025, 2, 23)) is None
    assert epoch_on(epochs, dt.date(2025, 2, 24)) is epochs[0]


def test_rebaseline_begins_an_epoch_and_extension_begins_one_only_when_it_reaches_back() -> None:
    history = assigned(10)
    extend = cmd.ExtendDeadline(new_deadline=Deadline(day(14)))
    history.command(extend, "AUTH", "2025-03-12")
    assert len(attribute(history.task, history.places, "active")) == 1
    history.command(cmd.ExtendDeadline(new_deadline=Deadline(day(20)), retroactive=True), "AUTH", "2025-03-13")
    assert len(attribute(history.task, history.places, "active")) == 1, "decided before the old deadline was over"
    history.command(cmd.ExtendDeadline(new_deadline=Deadline(day(28)), retroactive=True), "AUTH", "2025-03-22")
    assert [e.on_from for e in attribute(history.task, history.places, "active")] == [dt.date(2025, 2, 24), day(22)]
    history.command(cmd.RebaselineTask(new_deadline=Deadline(day(25))), "AUTH", "2025-03-23")
    both = attribute_both(history.task, history.places)
    assert [(e.on_from, e.on_to) for e in both.active] == [
        (dt.date(2025, 2, 24), day(22)),
        (day(22), day(23)),
        (day(23), None),
    ]
    assert [e.on_from for e in both.original] == [dt.date(2025, 2, 24), day(22)]


def test_runs_of_an_epoch_stop_where_it_ends() -> None:
    history = assigned(10)
    history.command(cmd.RebaselineTask(new_deadline=Deadline(day(20))), "AUTH", "2025-03-14")
    before, after = attribute(history.task, history.places, "active")
    assert [(run.day_from, run.day_to) for run in before.runs] == [(day(11), day(14))]
    assert [(run.day_from, run.day_to) for run in after.runs] == [(day(21), None)]


def test_rebaseline_that_changes_no_answer_begins_no_epoch() -> None:
    history = assigned(10)
    history.command(cmd.ExtendDeadline(new_deadline=Deadline(day(14))), "AUTH", "2025-03-02")
    history.command(cmd.RebaselineTask(new_deadline=Deadline(day(10))), "AUTH", "2025-03-03")
    (epoch,) = attribute(history.task, history.places, "active")
    assert epoch.on_from == dt.date(2025, 2, 24)
    assert epoch.runs[0].evidence == (position(1), position(2), position(3))


def test_working_days_of_charges_follow_the_calendar_given() -> None:
    history = assigned(10)
    (epoch,) = attribute(history.task, history.places, "active")
    (charge,) = charges(epoch, day(16), VIET_NAM)
    assert (charge.calendar_days, charge.working_days) == (6, 4)


def test_events_that_affect_charges() -> None:
    kinds = {event.type for event in tasks_of_every_kind() if type(event.data) not in AFFECTS_CHARGES}
    assert kinds == {
        "task.coordinating-set",
        "task.extension-refused",
        "task.extension-requested",
        "task.officer-named",
        "task.progress-reported",
    }


def tasks_of_every_kind() -> list[ev.Event]:
    """One event of each type of a task, the data filled in with what its fields take."""
    fillings: dict[str, object] = {"new_deadline": Deadline(day(1)), "grounds": (), "units": ()}
    found = []
    for name, kind in EVENT_TYPES.items():
        if name.startswith("task."):
            fields = {field: fillings.get(field, "x") for field in kind.__struct_fields__}
            found.append(event_of(kind(**fields), "task/T1", 2, "AUTH", "2025-03-01"))
    return found


def test_places_must_be_those_of_the_events() -> None:
    history = assigned(10)
    with pytest.raises(ValueError, match="places are given"):
        attribute(history.task, [*history.places, Place(1, day(1))], "active")


def test_overlay_holds_where_both_do() -> None:
    left = [(0, 4, "a"), (4, 6, "b"), (9, 12, "c")]
    right = [(2, 5, "x"), (5, 10, "y"), (11, 20, "z")]
    assert list(overlay(left, right)) == [
        (2, 4, "a", "x"),
        (4, 5, "b", "x"),
        (5, 6, "b", "y"),
        (9, 10, "c", "y"),
        (11, 12, "c", "z"),
    ]
