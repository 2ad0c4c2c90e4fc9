"""A tree of units taken in, in any order, and again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.services.plan_files.books import csv_file, workbook
from tests.support.ledgers import beginnings, line, opened
from tests.support.ledgers import record as put

from ledger.errors import BadFile, NotFound
from ledger.services.importing import Summary
from ledger.services.ledger import Ledger
from ledger.services.plan_files.unit_files import UnitDraft, check_units, record_units
from ledger.services.plan_files.unit_rows import read_units

HEADINGS = ("Mã đơn vị", "Tên đơn vị", "Loại", "Cấp trên")
TREE = (
    ("C", "Phòng C", "", "B"),
    ("B", "Cục B", "Nội bộ", "A"),
    ("X", "Ngoài", "Bên ngoài", ""),
    ("A", "Bộ A", "", ""),
)
# Made up, in the form of https://github.com/thanglequoc/vietnamese-provinces-database (MIT).
PROVINCES = [
    {"Code": "98", "Name": "Mẫu", "FullName": "Tỉnh Mẫu", "Wards": [{"Code": "98001", "FullName": "Phường Một"}]},
    {
        "Code": "99",
        "FullName": "Thành phố Thử",
        "Wards": [{"Code": "99001", "FullName": "Xã Hai", "ProvinceCode": "99"}],
    },
]


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def take(ledger: Ledger, draft: UnitDraft, *, update: bool = False) -> Summary:
    return record_units(ledger, draft, update=update, progress=lambda *_: None)


def tree(ledger: Ledger) -> dict[str, tuple[str, str, str | None]]:
    units = ledger.directory.known().units
    return {
        code: (unit.segments[-1].name, unit.segments[-1].kind, unit.segments[-1].parent) for code, unit in units.items()
    }


@pytest.mark.parametrize("extension", ["xlsx", "csv"])
def test_a_table_in_any_order_is_registered_parents_first_and_once(
    database: Database, tmp_path: Path, extension: str
) -> None:
    make = workbook if extension == "xlsx" else csv_file
    path = make(tmp_path / f"a.{extension}", [HEADINGS, *TREE])
    with opened(database) as ledger:
        assert take(ledger, check_units(ledger, path, "A")).recorded == 4
        assert tree(ledger) == {
            "A": ("Bộ A", "internal", None),
            "B": ("Cục B", "internal", "A"),
            "C": ("Phòng C", "internal", "B"),
            "X": ("Ngoài", "external", None),
        }
        again = check_units(ledger, path, "A")
        assert {change.what for change in again.changes} == {"same"}
        assert (again.findings, take(ledger, again, update=True).recorded) == ((), 0)


def test_provinces_with_their_wards(database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", PROVINCES)
    with opened(database) as ledger:
        assert take(ledger, check_units(ledger, path, "99")).recorded == 4
        assert tree(ledger)["98001"] == ("Phường Một", "internal", "98")
        assert tree(ledger)["99"] == ("Thành phố Thử", "internal", None)


def test_provinces_that_stand_below_another_unit_stay_there(database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", PROVINCES)
    with opened(database) as ledger:
        put(ledger, *beginnings(), line("register_unit", "unit/98", 1, name="Tỉnh Mẫu", parent="U1"))
        draft = check_units(ledger, path, "AUTH")
        assert [(c.line.code, c.what) for c in draft.changes] == [
            ("98", "same"), ("99", "register"), ("98001", "register"), ("99001", "register"),
        ]  # fmt: skip


def test_a_flat_list(database: Database, tmp_path: Path) -> None:
    units = [{"code": "B", "name": "b", "parent": "A"}, {"code": "A", "name": "a", "kind": "external", "parent": None}]
    with opened(database) as ledger:
        take(ledger, check_units(ledger, written(tmp_path / "a.json", units), "A"))
        assert tree(ledger) == {"A": ("a", "external", None), "B": ("b", "internal", "A")}


def test_what_the_file_has_otherwise_is_shown_and_done_only_when_told(database: Database, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", [HEADINGS, ("U3", "Phòng Ba", "", "U2"), ("U1", "Unit U1", "Bên ngoài", "")])
    with opened(database) as ledger:
        put(ledger, *beginnings())
        draft = check_units(ledger, path, "AUTH")
        shown = {(c.what, c.line.code, c.was) for c in draft.changes}
        assert shown == {("rename", "U3", "Unit U3"), ("move", "U3", "U1"), ("same", "U1", None)}
        assert [(f.severity, f.row, f.column) for f in draft.findings] == [("warning", 3, "kind")]
        assert take(ledger, draft).recorded == 0
        assert tree(ledger)["U3"] == ("Unit U3", "internal", "U1")
        assert take(ledger, draft, update=True).recorded == 2
        assert tree(ledger)["U3"] == ("Phòng Ba", "internal", "U2")


def test_a_parent_and_child_that_change_places(database: Database, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", [HEADINGS, ("U1", "Unit U1", "", "U3"), ("U3", "Unit U3", "", "")])
    with opened(database) as ledger:
        put(ledger, *beginnings())
        take(ledger, check_units(ledger, path, "AUTH"), update=True)
        assert (tree(ledger)["U1"][2], tree(ledger)["U3"][2]) == ("U3", None)


FAULTS: list[tuple[list[tuple[str, ...]], int, str]] = [
    ([("A", "a", "", "NO")], 2, "there is no unit NO"),
    ([("A", "a", "", "B"), ("B", "b", "", "A")], 2, "would lie under itself"),
    ([("A", "a", "", "A")], 2, "would lie under itself"),
    ([("U1", "Unit U1", "", "U3")], 2, "unit U1 would lie under itself"),
    ([("A", "a", "", ""), ("A", "b", "", "")], 3, "A is the code of row 2 already"),
    ([("", "a", "", "")], 2, "the code is missing"),
    ([("A", "", "", "")], 2, "the name is missing"),
    ([("A", "a", "lạ", "")], 2, "neither internal nor external"),
    ([("x" * 121, "a", "", "")], 2, "length"),
]


def test_a_faulty_file_changes_nothing(database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        put(ledger, *beginnings())
        before = tree(ledger)
        for rows, row, reason in FAULTS:
            path = csv_file(tmp_path / "a.csv", [HEADINGS, *rows, ("OK", "ok", "", "")])
            draft = check_units(ledger, path, "AUTH")
            found = [f for f in draft.findings if f.severity == "error"]
            assert found[0].row == row
            assert reason in found[0].reason
            with pytest.raises(BadFile, match="nothing of it is recorded"):
                take(ledger, draft, update=True)
        assert tree(ledger) == before


def test_json_that_holds_no_units(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content, reason in (
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{}", "expected a list of units"),
        (b"[]", "it holds no unit"),
    ):
        path.write_bytes(content)
        with pytest.raises(BadFile, match=reason):
            read_units(path)


@pytest.mark.parametrize(
    "unit", [1, None, {"Code": 1, "FullName": "x"}, {"Code": "1"}, {"code": "a", "name": "b", "parent": 1}]
)
def test_units_in_json_that_are_none(tmp_path: Path, unit: object) -> None:
    _, lines, findings = read_units(written(tmp_path / "a.json", [unit]))
    assert (lines, [(f.severity, f.row) for f in findings]) == ((), [("error", 1)])


def test_somebody_must_act(database: Database, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", [HEADINGS, *TREE])
    with opened(database) as ledger:
        with pytest.raises(NotFound, match="to act for the others"):
            check_units(ledger, path, "NO")
        assert check_units(ledger, path, "B").faulty
