"""`plan`: pillars in their phases, items, and tasks that cite several."""

from __future__ import annotations

from tests.reports.asking import ask, by
from tests.support.ledgers import line, record

from ledger.services.ledger import Ledger

ITEMS = [
    {"code": "1", "title": "Institutions"},
    {"code": "1.1", "title": "First", "parent": "1", "phase": "to June"},
    {"code": "1.2", "title": "Second", "parent": "1", "phase": "to December"},
    {"code": "1.2.1", "title": "Line", "parent": "1.2"},
    {"code": "2", "title": "Data", "phase": "to June"},
]


def adopted(ledger: Ledger) -> None:
    record(ledger, line("adopt_plan", "plan/R", "2025-02-01", title="Resolution", items=ITEMS))


def assigned(task: str, *items: str, plan: str = "R") -> bytes:
    cited = [{"plan": plan, "item": item} for item in items]
    return line("assign_task", task, 3, title=task, lead="U1", deadline={"date": "2025-03-20"}, plan_items=cited)


def test_a_row_for_each_pillar_and_phase_also_without_tasks(ledger: Ledger) -> None:
    adopted(ledger)
    record(ledger, assigned("A", "1.1"), assigned("B", "1.2.1"))
    answer = ask(ledger, "plan", plan="R")
    assert [(row["item"], row["phase"], row["total"]) for row in answer["rows"]] == [
        ("1", "to June", 1),
        ("1", "to December", 1),
        ("2", "to June", 0),
    ]
    assert answer["rows"][2]["average_progress"] is None
    assert answer["residual"] is None


def test_a_task_that_cites_several_counts_once_in_the_total(ledger: Ledger) -> None:
    adopted(ledger)
    record(ledger, assigned("A", "1.1", "2"), assigned("B", "1.1", "1.2", "1.2.1"))
    answer = ask(ledger, "plan", on=10, plan="R")
    assert {key: row["total"] for key, row in by(answer, "item", "phase").items()} == {
        ("1", "to June"): 2,
        ("1", "to December"): 1,
        ("2", "to June"): 1,
    }
    assert answer["total"]["total"] == 2
    assert (answer["residual"]["total"], answer["residual"]["open_in_time"]) == (-2, -2)


def test_by_item_a_task_counts_where_it_is_cited(ledger: Ledger) -> None:
    adopted(ledger)
    record(ledger, assigned("A", "1.2.1"))
    rows = ask(ledger, "plan", plan="R", by="item")["rows"]
    assert [(row["item"], row["phase"], row["total"]) for row in rows] == [
        ("1", None, 0),
        ("1.1", "to June", 0),
        ("1.2", "to December", 0),
        ("1.2.1", "to December", 1),
        ("2", "to June", 0),
    ]


def test_average_progress_takes_what_is_done_for_whole_and_leaves_out_what_is_cancelled(ledger: Ledger) -> None:
    adopted(ledger)
    record(
        ledger,
        *(assigned(task, "2") for task in ("A", "B", "C", "D")),
        line("report_progress", "A", 4, unit="U1", percent=40, narrative="n", next_steps=""),
        line("submit_result", "A", 5, unit="U1", reviewer="REV"),
        line("accept_result", "A", 5, unit="REV"),
        line("report_progress", "B", 5, unit="U1", percent=33.33, narrative="n", next_steps=""),
        line("cancel_task", "D", 5),
    )
    assert ask(ledger, "plan", on=6, plan="R")["total"]["average_progress"] == 44.4


def test_tasks_of_no_plan_and_of_withdrawn_items_have_rows_of_their_own(ledger: Ledger) -> None:
    adopted(ledger)
    record(
        ledger,
        assigned("A"),
        assigned("B", "1.1"),
        line("amend_plan", "plan/R", 10, items=[], withdrawn=["1.1"], reason="r"),
    )
    rows = by(ask(ledger, "plan"), "plan", "item")
    assert rows[None, None]["total"] == 1
    assert (rows["R", "1.1"]["total"], rows["R", "1.1"]["title"]) == (1, None)
    assert ask(ledger, "plan", on=9)["residual"] is None


def test_before_its_adoption_there_is_no_plan(ledger: Ledger) -> None:
    adopted(ledger)
    assert {row["plan"] for row in ask(ledger, "plan", on="2025-01-31")["rows"]} == {"P1"}
