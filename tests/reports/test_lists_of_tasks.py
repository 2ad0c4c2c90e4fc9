"""`due`, `silent`, `blockers`, `review`, `attention`: which tasks they name, and in which order."""

from __future__ import annotations

import pytest
from tests.reports.asking import Answer, ask
from tests.support.ledgers import line, record

from ledger.services.ledger import Ledger


def assigned(task: str, due: str | None = "2025-03-31", *, lead: str = "U1", on: int = 3, **more: object) -> bytes:
    deadline = {"date": due} if due else None
    return line("assign_task", task, on, title=f"Task {task}", lead=lead, deadline=deadline, **more)


def blocker(task: str, on: int, code: str = "b1", owner: str = "EXT") -> bytes:
    return line("raise_blocker", task, on, blocker=code, owner=owner, category="c", description="d", proposal="p")


def progress(task: str, on: int) -> bytes:
    return line("report_progress", task, on, unit="U1", percent=12.5, narrative="n", next_steps="")


def tasks(answer: Answer) -> list[str]:
    return [row["task"] for row in answer["rows"]]


# ── due ──


def test_due_names_the_open_tasks_of_the_next_days_the_nearest_first(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "2025-03-20"),
        assigned("B", "2025-03-10"),
        assigned("C", "2025-03-09"),
        assigned("D", "2025-03-21"),
        assigned("E", None),
        assigned("F", "2025-03-15"),
        line("submit_result", "F", 9, unit="U1", reviewer="REV"),
        line("accept_result", "F", 9, unit="REV"),
    )
    assert tasks(answer := ask(ledger, "due", on=10, days="10")) == ["B", "A"]
    assert [row["days_left"] for row in answer["rows"]] == [0, 10]
    assert tasks(ask(ledger, "due", on=10)) == ["B", "A", "D"]
    assert tasks(ask(ledger, "due", on=10, days="0")) == ["B"]


def test_before_a_day_is_due_the_day_before(ledger: Ledger) -> None:
    deadline = {"date": "2025-03-20", "kind": "before"}
    record(ledger, line("assign_task", "A", 3, title="T", lead="U1", deadline=deadline))
    assert ask(ledger, "due", on=19)["rows"][0]["days_left"] == 0
    assert tasks(ask(ledger, "due", on=20)) == []


# ── silent ──


def test_silent_counts_working_days_from_the_last_report(ledger: Ledger) -> None:
    record(ledger, assigned("A"), assigned("B"), progress("B", 10))
    assert tasks(ask(ledger, "silent", on=16)) == []
    answer = ask(ledger, "silent", on=17)
    assert [(row["task"], row["last_report"], row["missed_days"]) for row in answer["rows"]] == [("A", None, 10)]
    assert tasks(ask(ledger, "silent", on=17, days="5")) == ["A", "B"]


def test_silent_asks_nothing_of_a_task_that_owes_no_report(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("suspended"),
        line("suspend_task", "suspended", 4),
        assigned("submitted"),
        line("submit_result", "submitted", 4, unit="U1", reviewer="REV"),
        assigned("cancelled"),
        line("cancel_task", "cancelled", 4),
        assigned("not begun", start="2025-03-28"),
        assigned("begun late", start="2025-03-20"),
    )
    answer = ask(ledger, "silent", on=27, days="0")
    assert [(row["task"], row["missed_days"]) for row in answer["rows"]] == [("begun late", 5)]


# ── blockers ──


def test_blockers_are_those_neither_resolved_nor_rejected(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A"),
        assigned("B"),
        blocker("A", 5),
        blocker("A", 6, "b2"),
        blocker("A", 7, "b3"),
        blocker("B", 8),
        line("resolve_blocker", "A", 9, blocker="b2"),
        line("reject_blocker", "A", 9, blocker="b3"),
        line("confirm_blocker", "B", 12, blocker="b1"),
    )
    answer = ask(ledger, "blockers", on=10)
    assert [(row["task"], row["blocker"], row["age_days"]) for row in answer["rows"]] == [
        ("A", "b1", 5),
        ("B", "b1", 2),
    ]
    assert answer["total"] == {"tasks": 2, "blockers": 2, "confirmed": 0}
    assert ask(ledger, "blockers", on=12)["total"]["confirmed"] == 1
    assert ask(ledger, "blockers", on=8)["total"]["blockers"] == 4


# ── review ──


def test_review_shows_what_was_submitted_and_not_finished(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A"),
        line("submit_result", "A", 5, unit="U1", reviewer="REV"),
        line("return_result", "A", 6, unit="REV", reasons="thin"),
        line("submit_result", "A", 10, unit="U1", reviewer="EXT"),
    )
    (row,) = ask(ledger, "review", on=14)["rows"]
    assert (row["reviewer"], row["days_waiting"], row["returns"]) == ("EXT", 4, 1)
    assert ask(ledger, "review", on=7)["rows"] == []
    assert ask(ledger, "status", on=14)["total"]["awaiting_review"] == 1


# ── attention ──


def test_attention_gives_each_reason_a_row_and_counts_a_task_once(ledger: Ledger) -> None:
    record(
        ledger, assigned("A", "2025-03-10", plan_items=[{"plan": "P1", "item": "A1"}]), blocker("A", 5), assigned("B")
    )
    record(ledger, progress("B", 20))
    answer = ask(ledger, "attention", on=21)
    assert [(row["reason"], row["code"], row["days"]) for row in answer["rows"]] == [
        ("overdue", "A", 11),
        ("silent", "A", 14),
        ("blocked", "A", 16),
    ]
    assert answer["total"] == {"tasks": 1, "overdue": 1, "silent": 1, "blocked": 1, "no_lead": 0}


def test_attention_names_a_blocker_only_after_its_days(ledger: Ledger) -> None:
    record(ledger, assigned("A"), blocker("A", 5), progress("A", 15))
    assert [ask(ledger, "attention", on=day)["total"]["blocked"] for day in (15, 16)] == [0, 1]


def test_attention_names_the_items_that_no_task_cites(ledger: Ledger) -> None:
    items = [
        {"code": "1", "title": "One"},
        {"code": "1.1", "title": "Part", "parent": "1"},
        {"code": "2", "title": "Two"},
    ]
    record(
        ledger,
        line("adopt_plan", "plan/P2", "2025-02-01", title="Plan", items=items),
        assigned("A", plan_items=[{"plan": "P2", "item": "1.1"}]),
        assigned("B", plan_items=[{"plan": "P2", "item": "2"}]),
        line("cancel_task", "B", 5),
    )
    assert [row["code"] for row in ask(ledger, "attention", on=4, plan="P2")["rows"]] == []
    assert [row["code"] for row in ask(ledger, "attention", on=5, plan="P2")["rows"]] == ["P2/2"]
    assert [row["code"] for row in ask(ledger, "attention", on=5)["rows"]] == ["P1/A1", "P2/2"]


@pytest.mark.parametrize("name", ["due", "silent", "blockers", "review", "attention"])
def test_without_tasks_there_are_no_rows(ledger: Ledger, name: str) -> None:
    answer = ask(ledger, name, plan="P1", unit="U2")
    assert answer["rows"] == []
    assert answer["residual"] is None
