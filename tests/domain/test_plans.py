"""Plans: adopted with their items, and amended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.commands import PlanItem
from ledger.domain.rules import Known
from ledger.domain.values import PlanItemRef

from .given import KNOWN, adopted, amended, given, given_plan, item, on

PILLAR = item("A")
TREE = (item("A"), item("A1", "A"), item("A1a", "A1"), item("B"))
PLAN = given_plan(on(1, adopted(*TREE)))


def adopt(*items: PlanItem) -> cmd.AdoptPlan:
    return cmd.AdoptPlan("Digital plan 2025", items=items)


# ── adopt_plan ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_is_adopted_with_its_items() -> None:
    items = (PlanItem("A", "Data", phase="I"), PlanItem("A1", "Registers", "A", "I"))
    plan = (
        given_plan()
        .when(cmd.AdoptPlan("Digital plan 2025", "REV", "57-NQ/TW", items), on=5)
        .then(ev.PlanAdopted(title="Digital plan 2025", authority="REV", document="57-NQ/TW", items=items))
    )
    assert plan.plan(5).items == {"A": items[0], "A1": items[1]}


def test_the_acting_unit_adopts_it_when_no_authority_is_named() -> None:
    given_plan().when(adopt(), unit="AUTH").then(adopted())


def test_a_plan_is_adopted_once() -> None:
    PLAN.when(adopt()).then_refused("plan_exists", "plan", "P2 is already adopted")


def test_the_authority_of_a_plan_is_a_registered_unit() -> None:
    given_plan().when(cmd.AdoptPlan("t", "U9")).then_refused("unknown_unit", "data.authority", "U9")
    given_plan().when(adopt(), unit="U9").then_refused("unknown_unit", "acting_unit", "U9")


def test_items_may_stand_before_the_one_that_they_lie_under() -> None:
    given_plan().when(adopt(item("A1", "A"), item("A"))).recorded()


def test_an_item_is_given_once() -> None:
    given_plan().when(adopt(PILLAR, PILLAR)).then_refused("repeated_item", "data.items[1].code", "A is given twice")


def test_an_item_lies_under_one_of_the_same_plan() -> None:
    given_plan().when(adopt(PILLAR, item("A1", "Z"))).then_refused("unknown_item", "data.items[1].parent", "Z")


@pytest.mark.parametrize("items", [(item("A", "A"),), (item("A", "B"), item("B", "A"))])
def test_an_item_does_not_lie_under_itself(items: tuple[PlanItem, ...]) -> None:
    given_plan().when(adopt(*items)).then_refused("circular_items", "data.items[0].parent", "A lies under itself")


# ── amend_plan ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_amendment_puts_items_in_replaces_them_and_takes_them_out() -> None:
    replaced, new = PlanItem("A1", "Registers", "B"), item("C")
    plan = PLAN.when(cmd.AmendPlan("58-NQ/TW", "review", (replaced, new), ("A1a",)), on=5).then(
        ev.PlanAmended(document="58-NQ/TW", reason="review", items=(replaced, new), withdrawn=("A1a",))
    )
    assert plan.plan(4).items == {i.code: i for i in TREE}
    assert plan.plan(5).items == {"A": item("A"), "A1": replaced, "B": item("B"), "C": new}


def test_amendments_follow_the_days_and_not_the_order_recorded() -> None:
    plan = given_plan(on(1, adopted()), on(20, amended(withdrawn=("A",))), on(10, amended(PILLAR)))
    assert [set(plan.plan(of).items) for of in (9, 10, 20)] == [set(), {"A"}, set()]


def test_a_plan_that_is_not_adopted_is_not_amended() -> None:
    given_plan().when(cmd.AmendPlan(items=(PILLAR,))).then_refused("unknown_plan", "plan", "P2 is not adopted yet")
    PLAN.when(cmd.AmendPlan(), on="2025-02-28").then_refused("before_adoption", "effective_at", "2025-02-28")
    PLAN.when(cmd.AmendPlan(), on=21, today=20).then_refused("effective_in_future", "effective_at")


def test_what_the_plan_does_not_hold_is_not_taken_out() -> None:
    PLAN.when(cmd.AmendPlan(withdrawn=("B", "Z"))).then_refused("unknown_item", "data.withdrawn[1]", "Z")


def test_an_item_is_not_put_in_and_taken_out_at_once() -> None:
    PLAN.when(cmd.AmendPlan(items=(item("B"),), withdrawn=("B",))).then_refused(
        "repeated_item", "data.withdrawn[0]", "put in and taken out"
    )


def test_an_item_is_not_taken_out_from_above_those_that_stay() -> None:
    PLAN.when(cmd.AmendPlan(withdrawn=("B", "A1"))).then_refused(
        "item_has_items", "data.withdrawn[1]", "item A1a lies under item A1"
    )
    assert set(PLAN.when(cmd.AmendPlan(withdrawn=("A1", "A1a"))).recorded().plan().items) == {"A", "B"}
    PLAN.when(cmd.AmendPlan(items=(item("A1a", "B"),), withdrawn=("A1",))).recorded()


def test_an_item_is_not_put_under_one_that_is_taken_out() -> None:
    PLAN.when(cmd.AmendPlan(items=(item("C", "B"),), withdrawn=("B",))).then_refused(
        "unknown_item", "data.items[0].parent", "B"
    )


def test_an_item_is_not_put_under_one_that_lies_under_it() -> None:
    PLAN.when(cmd.AmendPlan(items=(item("A", "A1a"),))).then_refused("circular_items", "data.items[0].parent")


def test_a_late_amendment_leaves_room_for_those_of_later_days() -> None:
    extended = given_plan(on(1, adopted(*TREE)), on(10, amended(item("B1", "B"))))
    extended.when(cmd.AmendPlan(withdrawn=("B",)), on=5).then_refused(
        "contradicts_later", "effective_at", "2025-03-10 (version 2)"
    )
    extended.when(cmd.AmendPlan(withdrawn=("A1", "A1a")), on=5).recorded()
    circle = given_plan(on(1, adopted(item("A"), item("B"))), on(10, amended(item("A", "B"))))
    circle.when(cmd.AmendPlan(items=(item("B", "A"),)), on=5).then_refused("contradicts_later", "effective_at")


def test_amendments_of_earlier_days_are_done_with() -> None:
    restored = given_plan(on(1, adopted(*TREE)), on(5, amended(withdrawn=("B",))), on(8, amended(item("B"))))
    restored.when(cmd.AmendPlan(items=(item("B1", "B"),)), on=10).recorded()


def test_a_task_may_cite_an_item_that_was_taken_out_since() -> None:
    plan = given_plan(on(1, adopted(*TREE)), on(10, amended(withdrawn=("B",)))).state
    task = replace(given(), known=Known(KNOWN.units, {"P2": plan}))
    task.when(cmd.AssignTask("t", "U1", plan_items=(PlanItemRef("P2", "B"),)), on=20).recorded()
