"""The status of a task on a day, in the words of the officials' table (DESIGN section 9)."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from ledger.domain.task import Status, status
from ledger.domain.values import Deadline

from .given import (
    Day,
    Fact,
    accepted,
    assigned,
    before,
    by,
    cancelled,
    day,
    extended,
    given,
    on,
    rebaselined,
    reopened,
    resumed,
    returned,
    submitted,
    suspended,
)


def status_on(of: Day, *facts: list[Fact]) -> Status:
    return status(given(*facts).situation(of), day(of))


@pytest.mark.parametrize(
    ("deadline", "last"), [(by(10), 10), (before(10), 9), (before(11), 10)], ids=["by 10", "before 10", "before 11"]
)
def test_an_open_task_is_in_time_until_its_last_day_ends(deadline: Deadline, last: int) -> None:
    facts = [on(1, assigned(deadline))]
    assert status_on(last, *facts) == "open_in_time"
    assert status_on(last + 1, *facts) == "open_overdue"


@pytest.mark.parametrize("deadline", [by(10), before(11)])
def test_a_result_submitted_by_the_last_day_is_on_time_whenever_it_is_accepted(deadline: Deadline) -> None:
    for of, expected in ((10, "done_on_time"), (11, "done_late")):
        assert status_on(20, on(1, assigned(deadline)), on(of, submitted()), on(15, accepted())) == expected


def test_of_several_submissions_the_accepted_one_decides() -> None:
    facts = [on(1, assigned(by(10))), on(9, submitted()), on(11, returned()), on(12, submitted()), on(13, accepted())]
    assert status_on(13, *facts) == "done_late"


def test_a_result_is_judged_by_the_deadline_in_force_when_it_was_submitted() -> None:
    start = on(1, assigned(by(10)))
    assert status_on(20, start, on(9, extended(by(17))), on(16, submitted(), accepted())) == "done_on_time"
    assert status_on(20, start, on(12, submitted()), on(13, extended(by(17))), on(14, accepted())) == "done_late"


def test_a_result_that_was_never_due_cannot_be_late() -> None:
    assert status_on(20, on(1, assigned()), on(16, submitted(), accepted())) == "done_on_time"


def test_a_submitted_result_is_not_done() -> None:
    facts = [on(1, assigned(by(10))), on(9, submitted())]
    assert (status_on(10, *facts), status_on(11, *facts)) == ("open_in_time", "open_overdue")


def test_a_task_without_a_deadline_is_not_stated_and_never_overdue() -> None:
    assert status_on("2025-12-31", on(1, assigned())) == "not_stated"
    assert status_on(20, on(1, assigned()), on(5, rebaselined(by(10)))) == "open_overdue"


def test_a_task_is_not_due_before_its_planned_start() -> None:
    facts = [on(1, assigned(by(10), start=day(5)))]
    assert [status_on(of, *facts) for of in (4, 5)] == ["not_due", "open_in_time"]


def test_a_suspended_task_is_neither_in_time_nor_overdue() -> None:
    facts = [on(1, assigned(by(10))), on(5, suspended()), on(15, resumed())]
    assert [status_on(of, *facts) for of in (4, 5, 14, 15)] == [
        "open_in_time",
        "suspended",
        "suspended",
        "open_overdue",
    ]


def test_a_cancelled_task_is_cancelled_until_it_is_reopened() -> None:
    facts = [on(1, assigned(by(10))), on(5, cancelled()), on(15, reopened())]
    assert [status_on(of, *facts) for of in (4, 5, 14, 15)] == [
        "open_in_time",
        "cancelled",
        "cancelled",
        "open_overdue",
    ]


def test_a_reopened_task_is_no_longer_done() -> None:
    facts = [on(1, assigned(by(10))), on(5, submitted(), accepted()), on(7, reopened())]
    assert [status_on(of, *facts) for of in (6, 7)] == ["done_on_time", "open_in_time"]


PRECEDENCE = [
    ("cancelled", [assigned(), suspended(), cancelled()]),
    ("done_on_time", [assigned(by(2), start=day(2)), submitted(), suspended(), accepted()]),
    ("suspended", [assigned(), suspended()]),
    ("not_stated", [assigned(start=day(9))]),
    ("not_due", [assigned(by(10), start=day(9))]),
]


@pytest.mark.parametrize(("expected", "data"), PRECEDENCE, ids=[name for name, _ in PRECEDENCE])
def test_of_several_the_first_in_the_table_holds(expected: Status, data: list[Any]) -> None:
    assert status_on(3, on(1, *data)) == expected


def test_these_are_all() -> None:
    assert set(get_args(Status)) == {
        *("done_on_time", "done_late", "open_in_time", "open_overdue"),
        *("not_due", "suspended", "cancelled", "not_stated"),
    }
