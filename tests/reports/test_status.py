"""`status`: counts and shares, what is due, and units that were merged."""

from __future__ import annotations

from tests.reports.asking import ask, by
from tests.support.ledgers import line, record

from ledger.services.ledger import Ledger


def assigned(task: str, lead: str, due: str | None, on: int = 3, **more: object) -> bytes:
    deadline = {"date": due} if due else None
    return line("assign_task", task, on, title=f"Task {task}", lead=lead, deadline=deadline, **more)


def finished(task: str, on: int, unit: str) -> list[bytes]:
    return [line("submit_result", task, on, unit=unit, reviewer="REV"), line("accept_result", task, on, unit="REV")]


def test_shares_of_all_and_of_those_due(ledger: Ledger) -> None:
    record(
        ledger,
        *(assigned(task, "U1", "2025-03-20") for task in ("A", "B", "C", "D")),
        assigned("E", "U1", None),
        assigned("F", "U1", "2025-04-30"),
        assigned("G", "U1", "2025-03-20"),
        line("cancel_task", "G", 6),
        *finished("A", 10, "U1"),
        *finished("B", 25, "U1"),
        line("suspend_task", "D", 12),
    )
    total = ask(ledger, "status")["total"]
    assert (total["total"], total["due"]) == (7, 4)
    assert total["percent"]["done"] == 28.6
    assert total["percent"]["done_late"] == total["percent"]["not_stated"] == 14.3
    assert total["percent_of_due"] == {
        "done": 50.0,
        "done_on_time": 25.0,
        "done_late": 25.0,
        "open_in_time": 0.0,
        "open_overdue": 25.0,
        "suspended": 25.0,
    }


def test_what_is_due_today_is_due_and_in_time(ledger: Ledger) -> None:
    record(ledger, assigned("A", "U1", "2025-03-20"))
    total = ask(ledger, "status", on=20)["total"]
    assert (total["open_in_time"], total["due"], total["percent_of_due"]["open_in_time"]) == (1, 1, 100.0)
    assert ask(ledger, "status", on=19)["total"]["due"] == 0


def test_without_tasks_there_are_no_shares(ledger: Ledger) -> None:
    answer = ask(ledger, "status")
    assert answer["rows"] == []
    assert answer["total"]["total"] == 0
    assert answer["total"]["percent"]["done"] is answer["total"]["percent_of_due"]["done"] is None


def test_a_merged_unit_counts_with_its_successor_from_the_day_of_the_merger(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", None),
        assigned("B", "U2", None),
        assigned("C", "U3", None),
        line("merge_unit", "unit/U1", 20, into="U2", reason="reform"),
    )
    assert by(ask(ledger, "status", on=19), "unit").keys() == {"U1", "U2", "U3"}
    after = ask(ledger, "status", on=20)
    assert {unit: row["total"] for unit, row in by(after, "unit").items()} == {"U2": 2, "U3": 1}
    assert by(ask(ledger, "status", on=20, units="of_the_day"), "unit").keys() == {"U1", "U2", "U3"}


def test_a_scope_takes_in_what_was_merged_unless_the_units_of_the_day_are_asked_for(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", None),
        assigned("B", "U2", None),
        line("merge_unit", "unit/U1", 20, into="U2", reason="reform"),
    )
    assert ask(ledger, "status", unit="U2")["total"]["total"] == 2
    assert ask(ledger, "status", unit="U2", units="of_the_day")["total"]["total"] == 1
