"""`scorecard`, and its sums with `slip`: who asked, slipped, reviewed, and fell silent."""

from __future__ import annotations

from tests.reports.asking import ask, by
from tests.support.ledgers import line, record

from ledger.services.ledger import Ledger


def assigned(task: str, lead: str, due: str, **more: object) -> bytes:
    return line("assign_task", task, 3, title=f"Task {task}", lead=lead, deadline={"date": due}, **more)


def test_led_and_coordinated(ledger: Ledger) -> None:
    record(ledger, assigned("A", "U1", "2025-03-20", coordinating=["U2", "EXT"]), assigned("B", "U2", "2025-03-20"))
    rows = by(ask(ledger, "scorecard", on=5), "unit")
    assert {unit: (row["led"], row["coordinated"]) for unit, row in rows.items()} == {
        "EXT": (0, 1),
        "U1": (1, 0),
        "U2": (1, 1),
    }


def test_days_caused_to_others_are_the_days_that_others_received(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-10"),
        assigned("B", "U2", "2025-03-10"),
        line("raise_blocker", "A", 12, blocker="b1", owner="U2", category="c", description="d", proposal="p"),
        line("confirm_blocker", "A", 13, blocker="b1"),
        line("resolve_blocker", "A", 16, blocker="b1"),
    )
    rows = by(card := ask(ledger, "scorecard", on=20), "unit")
    keys = ("slip_days_caused", "slip_days_received", "slip_days_caused_to_others")
    assert [rows["U1"][key] for key in keys] == [6, 4, 0]
    assert [rows["U2"][key] for key in keys] == [14, 0, 4]
    assert [card["total"][key] for key in keys] == [20, 4, 4]


def test_extensions_asked_and_granted_and_their_grounds(ledger: Ledger) -> None:
    new = {"date": "2025-03-25"}
    record(
        ledger,
        assigned("A", "U1", "2025-03-20"),
        assigned("B", "U1", "2025-03-20"),
        line("raise_blocker", "A", 5, blocker="b1", owner="EXT", category="c", description="d", proposal="p"),
        line("request_extension", "A", 10, unit="U1", request="x", new_deadline=new, grounds=[{"blocker": "b1"}]),
        line("extend_deadline", "A", 12, new_deadline=new, grounds=[{"blocker": "b1"}], request="x"),
        line("request_extension", "B", 10, unit="U1", request="y", new_deadline=new),
        line("refuse_extension", "B", 12, request="y"),
        line("extend_deadline", "B", 14, new_deadline=new),
    )
    keys = ("extensions_asked", "extensions_granted", "extensions_with_grounds")
    assert [by(ask(ledger, "scorecard", on=11), "unit")["U1"][key] for key in keys] == [2, 0, 0]
    assert [by(ask(ledger, "scorecard"), "unit")["U1"][key] for key in keys] == [2, 2, 1]


def test_reviews_are_the_reviewers_and_their_middle_is_shown(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-20"),
        assigned("B", "U2", "2025-03-20"),
        line("submit_result", "A", 10, unit="U1", reviewer="REV"),
        line("return_result", "A", 11, unit="REV", reasons="thin"),
        line("submit_result", "A", 12, unit="U1", reviewer="REV"),
        line("accept_result", "A", 18, unit="REV"),
        line("submit_result", "B", 10, unit="U2", reviewer="REV"),
    )
    rows = by(ask(ledger, "scorecard"), "unit")
    assert (rows["REV"]["reviews"], rows["REV"]["median_review_days"]) == (2, 3.5)
    assert (rows["U1"]["returns"], rows["U1"]["on_time_rate"]) == (1, 100.0)
    assert rows["U2"]["median_review_days"] is None
    early = by(ask(ledger, "scorecard", on=17), "unit")["REV"]
    assert (early["reviews"], early["median_review_days"]) == (1, 1)


def test_a_retracted_acceptance_is_no_review_any_more(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-20"),
        line("submit_result", "A", 10, unit="U1", reviewer="REV"),
        line("accept_result", "A", 14, unit="REV"),
        line("retract_record", "A", 20, version=3, reason="wrong task"),
    )
    assert by(ask(ledger, "scorecard"), "unit")["REV"]["reviews"] == 0


def test_charges_stay_with_the_unit_of_the_day_and_roll_up_to_its_successor(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-10"),
        line("merge_unit", "unit/U1", 16, into="U2", reason="reform"),
        line("reassign_lead", "A", 18, lead="EXT"),
    )
    before = ask(ledger, "slip", on=15)
    assert by(before, "unit")["U1"]["calendar_days"] == 5
    after = ask(ledger, "slip", on=20)
    assert {unit: row["calendar_days"] for unit, row in by(after, "unit").items()} == {"U2": 8, "EXT": 2}
    assert [charge["unit"] for charge in after["tasks"][0]["charges"]] == ["EXT", "U1"]
    of_the_day = ask(ledger, "slip", on=20, units="of_the_day")
    assert by(of_the_day, "unit").keys() == {"U1", "EXT"}
    for units, answer in (("successors", after), ("of_the_day", of_the_day)):
        card = by(ask(ledger, "scorecard", on=20, units=units), "unit")
        for unit, row in by(answer, "unit").items():
            assert card[unit]["slip_days_caused"] == row["calendar_days"]


def test_a_chain_of_mergers_is_followed_to_its_end(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-10"),
        line("merge_unit", "unit/U1", 16, into="U2", reason="reform"),
        line("merge_unit", "unit/U2", 18, into="EXT", reason="reform"),
    )
    assert [by(ask(ledger, "slip", on=day), "unit").keys() for day in (15, 17, 20)] == [{"U1"}, {"U2"}, {"EXT"}]


def test_working_days_without_a_report(ledger: Ledger) -> None:
    record(
        ledger,
        assigned("A", "U1", "2025-03-31"),
        assigned("B", "U1", "2025-03-31"),
        line("report_progress", "B", 7, unit="U1", percent=10, narrative="n", next_steps=""),
    )
    assert by(ask(ledger, "scorecard", on=10), "unit")["U1"]["days_without_report"] == 5 + 1
