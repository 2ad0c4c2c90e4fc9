"""`changes`: what differs between two pairs of (as_of, on)."""

from __future__ import annotations

import pytest
from tests.reports.asking import Answer, ask
from tests.support.ledgers import line, record

from ledger.errors import BadQuery
from ledger.services.ledger import Ledger


def assigned(task: str, due: str = "2025-03-10", lead: str = "U1", on: int = 3) -> bytes:
    return line("assign_task", task, on, title=task, lead=lead, deadline={"date": due})


def changes(answer: Answer) -> list[tuple[str, str, str | None, str | None, int | None]]:
    return [(row["task"], row["change"], row["before"], row["after"], row["days"]) for row in answer["rows"]]


def test_each_kind_of_change(ledger: Ledger) -> None:
    record(
        ledger,
        *(assigned(task, "2025-03-31") for task in ("A", "B", "C", "D")),
        line("raise_blocker", "A", 5, blocker="b1", owner="EXT", category="c", description="d", proposal="p"),
        line("resolve_blocker", "A", 12, blocker="b1"),
        line("raise_blocker", "B", 12, blocker="b1", owner="EXT", category="c", description="d", proposal="p"),
        line("reassign_lead", "B", 12, lead="U2"),
        line("extend_deadline", "B", 13, new_deadline={"date": "2025-04-10"}),
        line("submit_result", "C", 13, unit="U1", reviewer="REV"),
        line("accept_result", "C", 14, unit="REV"),
        line("cancel_task", "D", 14),
        assigned("E", on=12),
    )
    answer = ask(ledger, "changes", on=15, since_on="2025-03-11")
    assert changes(answer) == [
        ("A", "unblocked", "b1 (EXT)", None, None),
        ("B", "reassigned", "U1", "U2", None),
        ("B", "moved", "2025-03-31", "2025-04-10", 10),
        ("B", "blocked", None, "b1 (EXT)", None),
        ("C", "done", None, "done_on_time", None),
        ("D", "cancelled", None, "cancelled", None),
        ("E", "new", None, "open_overdue", None),
        ("E", "slipped", "0", "3", 3),
    ]
    assert (answer["total"]["tasks"], answer["total"]["changes"], answer["total"]["slip_days"]) == (5, 8, 3)
    assert answer["since"]["on"] == "2025-03-11"


def test_by_default_against_a_week_before(ledger: Ledger) -> None:
    record(ledger, assigned("A"))
    assert changes(ask(ledger, "changes", on=20)) == [("A", "slipped", "3", "10", 7)]


def test_what_was_learnt_late_is_a_change_between_two_as_of(ledger: Ledger) -> None:
    record(ledger, assigned("A"))
    first = ask(ledger, "status")["as_of"]
    record(ledger, line("submit_result", "A", 9, unit="U1", reviewer="REV"), line("accept_result", "A", 12, unit="REV"))
    answer = ask(ledger, "changes", on=20, since_as_of=first, since_on="2025-03-20")
    assert changes(answer) == [("A", "done", None, "done_on_time", None), ("A", "slipped", "10", "2", -8)]
    assert ask(ledger, "changes", on=20, since_on="2025-03-20")["rows"] == []


def test_a_task_that_left_the_unit_is_in_its_scope(ledger: Ledger) -> None:
    record(ledger, assigned("A", "2025-03-31"), line("reassign_lead", "A", 10, lead="U2"))
    for unit in ("U1", "U2"):
        assert changes(ask(ledger, "changes", on=12, unit=unit)) == [("A", "reassigned", "U1", "U2", None)]
    assert ask(ledger, "changes", on=12, unit="EXT")["rows"] == []


def test_the_first_end_must_not_lie_after_the_second(ledger: Ledger) -> None:
    with pytest.raises(BadQuery, match="since_on"):
        ask(ledger, "changes", on=12, since_on="2025-03-13")
    first = ask(ledger, "status")["as_of"]
    record(ledger, assigned("A"))
    then = ask(ledger, "status")["as_of"]
    with pytest.raises(BadQuery, match="since_as_of"):
        ask(ledger, "changes", on=12, as_of=first, since_as_of=then)
