"""Units: a tree whose nodes are registered, renamed, moved and merged, each on its day."""

from __future__ import annotations

import pytest

from ledger.domain import commands as cmd
from ledger.domain import events as ev

from .given import given_unit, merged, moved, on, registered, renamed

LONE = {"A": on(1, registered(name="Department A"))}
ROOTS = {name: on(1, registered()) for name in "ABC"}
CHAIN = {"A": on(1, registered()), "B": on(1, registered("A")), "C": on(1, registered("B"))}


# ── register_unit ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_is_registered_under_another_or_under_none() -> None:
    unit = (
        given_unit("A")
        .when(cmd.RegisterUnit("Department A", "external", "U1"), on=5)
        .then(ev.UnitRegistered(name="Department A", kind="external", parent="U1"))
    )
    assert (unit.unit(5).name, unit.unit(5).kind, unit.unit(5).parent) == ("Department A", "external", "U1")
    given_unit("A").when(cmd.RegisterUnit("Department A")).then(registered(name="Department A"))


def test_a_unit_is_not_there_before_its_registration() -> None:
    unit = given_unit("A", **LONE)
    assert unit.state.situation(unit.state.events[0].day) is not None
    unit.when(cmd.RenameUnit("B"), on="2025-02-28").then_refused("before_registration", "effective_at", "2025-02-28")


def test_a_unit_may_register_itself_so_that_the_first_has_somebody_to_act_for_it() -> None:
    given_unit("A").when(cmd.RegisterUnit("Government"), unit="A").then(registered(name="Government"))


def test_nobody_else_acts_before_being_registered() -> None:
    given_unit("A").when(cmd.RegisterUnit("x"), unit="Z").then_refused("unknown_unit", "acting_unit", "Z")
    given_unit("A", **LONE).when(cmd.RenameUnit("x"), unit="Z").then_refused("unknown_unit", "acting_unit", "Z")


def test_a_unit_is_registered_once() -> None:
    given_unit("A", **LONE).when(cmd.RegisterUnit("x")).then_refused("unit_exists", "unit", "A is already registered")


@pytest.mark.parametrize("acting", ["AUTH", "A"])
@pytest.mark.parametrize("parent", ["Z", "A"])
def test_a_unit_is_not_registered_under_one_that_is_not_there(acting: str, parent: str) -> None:
    given_unit("A").when(cmd.RegisterUnit("x", parent=parent), unit=acting).then_refused(
        "unknown_unit", "data.parent", parent
    )


@pytest.mark.parametrize("command", [cmd.RenameUnit("x"), cmd.MoveUnit(None), cmd.MergeUnit("U1")])
def test_a_unit_that_is_not_registered_takes_no_command(command: cmd.UnitCommand) -> None:
    given_unit("Z").when(command).then_refused("unknown_unit", "unit", "Z")


@pytest.mark.parametrize("command", [cmd.RegisterUnit("x"), cmd.RenameUnit("x"), cmd.MoveUnit(None)])
def test_what_has_not_happened_to_a_unit_yet_cannot_be_recorded(command: cmd.UnitCommand) -> None:
    given_unit("A", **LONE).when(command, on=21, today=20).then_refused("effective_in_future", "effective_at")


# ── rename_unit, move_unit ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_is_renamed_from_a_day_on() -> None:
    unit = (
        given_unit("A", **LONE)
        .when(cmd.RenameUnit("Agency A", "decree"), on=5)
        .then(ev.UnitRenamed(name="Agency A", reason="decree"))
    )
    assert (unit.unit(4).name, unit.unit(5).name) == ("Department A", "Agency A")


def test_names_follow_the_days_and_not_the_order_recorded() -> None:
    unit = given_unit("A", A=[*on(1, registered()), *on(20, renamed("third")), *on(10, renamed("second"))])
    assert [unit.unit(of).name for of in (9, 10, 20)] == ["A unit", "second", "third"]


def test_a_unit_is_moved_under_another_or_to_the_top() -> None:
    unit = (
        given_unit("C", **CHAIN).when(cmd.MoveUnit("A", "decree"), on=5).then(ev.UnitMoved(parent="A", reason="decree"))
    )
    assert (unit.unit(4).parent, unit.unit(5).parent) == ("B", "A")
    assert given_unit("C", **CHAIN).when(cmd.MoveUnit(None)).recorded().unit().parent is None


def test_a_unit_is_not_moved_under_one_that_is_not_there() -> None:
    given_unit("A", **LONE).when(cmd.MoveUnit("Z")).then_refused("unknown_unit", "data.parent", "Z")


@pytest.mark.parametrize("parent", ["A", "B", "C"])
def test_a_unit_is_not_moved_under_itself(parent: str) -> None:
    given_unit("A", **CHAIN).when(cmd.MoveUnit(parent)).then_refused(
        "circular_units", "data.parent", f"unit {parent} lies under unit A on 2025-03-20"
    )


def test_a_late_move_does_not_close_a_circle_on_a_later_day() -> None:
    tree = {**ROOTS, "A": [*ROOTS["A"], *on(10, moved("B"))]}
    given_unit("B", **tree).when(cmd.MoveUnit("A"), on=5).then_refused("circular_units", "data.parent", "2025-03-10")


def test_a_late_move_that_ended_before_the_circle_is_none() -> None:
    tree = {**ROOTS, "A": [*ROOTS["A"], *on(10, moved("B"))], "B": [*ROOTS["B"], *on(8, moved("C"))]}
    given_unit("B", **tree).when(cmd.MoveUnit("A"), on=5).recorded()


# ── merge_unit ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_is_merged_into_another_from_a_day_on() -> None:
    unit = (
        given_unit("A", **ROOTS).when(cmd.MergeUnit("B", "decree"), on=5).then(ev.UnitMerged(into="B", reason="decree"))
    )
    assert (unit.unit(4).merged_into, unit.unit(5).merged_into) == (None, "B")


def test_a_unit_is_not_merged_into_itself_nor_into_one_that_is_not_there() -> None:
    given_unit("A", **LONE).when(cmd.MergeUnit("A")).then_refused("own_successor", "data.into", "itself")
    given_unit("A", **LONE).when(cmd.MergeUnit("Z")).then_refused("unknown_unit", "data.into", "Z")


@pytest.mark.parametrize("command", [cmd.RenameUnit("x"), cmd.MoveUnit("C"), cmd.MergeUnit("C")])
def test_a_merged_unit_takes_no_command_but_about_its_past(command: cmd.UnitCommand) -> None:
    tree = {**ROOTS, "A": [*ROOTS["A"], *on(10, merged("B"))]}
    given_unit("A", **tree).when(command, on=10).then_refused("unit_merged", "unit", "A was merged into B")
    early = given_unit("A", **tree).when(command, on=9)
    if isinstance(command, cmd.MergeUnit):
        early.then_refused("unit_merged", "unit", "A was merged into B")
    else:
        assert early.recorded().unit().merged_into == "B"


def test_successors_form_a_chain_and_never_a_circle() -> None:
    tree = {**ROOTS, "A": [*ROOTS["A"], *on(10, merged("B"))]}
    given_unit("B", **tree).when(cmd.MergeUnit("A"), on=20).then_refused("circular_units", "data.into", "A", "B")
    given_unit("B", **tree).when(cmd.MergeUnit("A"), on=5).then_refused("circular_units", "data.into", "2025-03-10")
    given_unit("B", **tree).when(cmd.MergeUnit("C"), on=20).recorded()


def test_a_unit_is_not_merged_into_one_that_lies_under_it_nor_moved_under_its_own_predecessor() -> None:
    given_unit("A", **CHAIN).when(cmd.MergeUnit("C")).then_refused("circular_units", "data.into")
    given_unit("C", **CHAIN).when(cmd.MergeUnit("A")).recorded()
    tree = {**ROOTS, "A": [*ROOTS["A"], *on(10, merged("B"))]}
    given_unit("B", **tree).when(cmd.MoveUnit("A")).then_refused("circular_units", "data.parent")
