"""What is wrong with a row is said with its sheet, row, column and reason."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import xlsxwriter
from tests.services.plan_files.books import HEADINGS, ROW, plan, workbook
from xlsxwriter.worksheet import Worksheet

from ledger.domain.unit import Unit, UnitSituation
from ledger.domain.values import Deadline, Indicator
from ledger.services.plan_files.duplicates import Titles
from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.headings import find_columns
from ledger.services.plan_files.reading import read_sheets
from ledger.services.plan_files.rows import RowReader, TaskLine
from ledger.services.plan_files.table_rows import table_rows
from ledger.services.plan_files.unit_names import UnitNameError, UnitNames

DAY = dt.date(2025, 3, 1)


def unit(code: str, name: str, merged_into: str | None = None) -> Unit:
    return Unit(code, (), (UnitSituation(dt.date(2025, 1, 1), name, "internal", None, merged_into),))


NAMES = {
    "U1": "Vụ Kế hoạch",
    "U2": "Cục Dữ liệu",
    "U3": "Sở Văn hóa, Thể thao và Du lịch",
    "U4": "Trung tâm Hạ tầng",
    "U5": "Trung tâm Hạ tầng",
}
UNITS = UnitNames({code: unit(code, name) for code, name in NAMES.items()} | {"U9": unit("U9", "Vụ Cũ", "U1")}, DAY)


def read(path: Path) -> tuple[list[TaskLine], list[Finding]]:
    columns = find_columns(read_sheets(path).sheets, "plan")
    assert columns is not None
    findings = list(columns.findings)
    reader = RowReader(columns, UNITS)
    reader.missing_columns()
    lines = [reader.read(number, cells) for number, cells in table_rows(columns, findings)]
    return lines, findings + reader.findings


def faults(path: Path) -> list[tuple[int | None, str | None, str]]:
    return [(f.row, f.column, f.reason) for f in read(path)[1] if f.severity == "error"]


def test_a_whole_row(tmp_path: Path) -> None:
    headings = (
        "Code", "Task", "Lead", "Coordinating", "Officer", "Authority", "Result", "Start", "Deadline",
        "Kind of deadline", "Pillar", "Phase", "Plan item", "Priority", "Classification", "Indicators",
    )  # fmt: skip
    row = (
        7, "  Build  it ", "Vụ Kế hoạch", "U2; U1", "Head", "U2", "It stands", "April 2025", dt.date(2025, 10, 15),
        "before", "Data", 1, "A.1", "urgent", "secret", "uptime: 99 %\nusers",
    )  # fmt: skip
    (line,), findings = read(plan(tmp_path / "a.xlsx", row, headings=headings))
    assert findings == []
    assert line == TaskLine(
        row=2,
        code="7",
        title="Build it",
        lead="U1",
        coordinating=("U2", "U1"),
        officer="Head",
        authority="U2",
        result="It stands",
        start=dt.date(2025, 4, 1),
        deadline=Deadline(dt.date(2025, 10, 15), "before"),
        pillar="Data",
        phase="1",
        item="A.1",
        priority="urgent",
        classification="secret",
        indicators=(Indicator("uptime", "99 %"), Indicator("users")),
    )


@pytest.mark.parametrize(("column", "thing"), list(enumerate(["task", "unit", "time", "responsibility", "result"])))
@pytest.mark.parametrize("extension", ["xlsx", "csv"])
def test_a_missing_one_of_the_five_clear_things_is_named(
    tmp_path: Path, column: int, thing: str, extension: str
) -> None:
    row = [*ROW]
    row[column] = "  "
    path = plan(tmp_path / f"a.{extension}", ROW, row)
    assert faults(path) == [(3, HEADINGS[column], f"incomplete: the {thing} is missing")]
    assert {f.sheet for f in read(path)[1]} == {"Kế hoạch" if extension == "xlsx" else None}


def test_an_authority_will_do_for_the_officer(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Cơ quan giao")
    assert faults(plan(tmp_path / "a.xlsx", (*ROW[:3], "", ROW[4], "U2"), headings=headings)) == []


def test_a_missing_column_is_said_once(tmp_path: Path) -> None:
    found = faults(plan(tmp_path / "a.xlsx", ROW[:4], ROW[:4], headings=HEADINGS[:4]))
    assert [(row, column) for row, column, _ in found] == [(1, None)]
    assert "no column says the result" in found[0][2]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        (1, "Vụ Kế hoạc", "there is no unit 'Vụ Kế hoạc'; near: Vụ Kế hoạch (U1)"),
        (1, "ABC XYZ", "there is no unit 'ABC XYZ'"),
        (1, "Trung tâm Hạ tầng", "the name of several units, U4, U5: give the code"),
        (1, "U9", "unit U9 was merged into U1"),
        (2, "31/02/2025", "'31/02/2025' is impossible: there is no day 31 in 2025-02"),
        (2, 45000, "is a number, not a day"),
        (0, "x" * 501, "it has 501 characters; at most 500"),
        (0, True, "true or false"),
    ],
)
def test_what_is_wrong_with_a_cell(tmp_path: Path, column: int, cell: str | float, reason: str) -> None:
    row = [*ROW]
    row[column] = cell
    (found,) = faults(plan(tmp_path / "a.xlsx", row))
    assert found[:2] == (2, HEADINGS[column])
    assert reason in found[2]


def test_in_english_files_a_day_that_may_be_two_is_an_error(tmp_path: Path) -> None:
    headings = ("Task", "Lead", "Deadline", "Officer", "Result")
    rows = [
        ("a task", "U1", cell, "x", "y") for cell in ("03/04/2025", dt.date(2025, 4, 3), "2025-04-03", "13/04/2025")
    ]
    ((row, column, reason),) = faults(plan(tmp_path / "a.xlsx", *rows, headings=headings))
    assert (row, column) == (2, "Deadline")
    assert "ambiguous" in reason


def test_units_with_commas_in_their_names_among_others() -> None:
    assert UNITS.codes("U1, Sở Văn hóa, Thể thao và Du lịch, Cục Dữ liệu") == ("U1", "U3", "U2")
    assert UNITS.codes("- U1\n- Sở Văn hóa, Thể thao và Du lịch;") == ("U1", "U3")
    with pytest.raises(UnitNameError, match="there is no unit 'Thể thao'"):
        UNITS.codes("U1, Thể thao")


def test_a_merged_cell_counts_in_every_row_of_it(tmp_path: Path) -> None:
    def merge(_: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.merge_range(1, 1, 2, 1, "Cục Dữ liệu")

    rows = [HEADINGS, ROW, ("Another thing altogether", "", *ROW[2:]), ROW]
    lines, findings = read(workbook(tmp_path / "a.xlsx", rows, then=merge))
    assert [line.lead for line in lines] == ["U2", "U2", "U1"]
    assert findings == []


def test_column_numbers_blank_rows_and_headings_between_rows_are_no_tasks(tmp_path: Path) -> None:
    def merge(_: xlsxwriter.Workbook, page: Worksheet) -> None:
        page.merge_range(2, 0, 2, 4, "I. Thể chế")

    rows = [HEADINGS, ("(1)", 2, 3, "4", "5"), (), ROW, (), ROW]
    lines, findings = read(workbook(tmp_path / "a.xlsx", rows, then=merge))
    assert [line.row for line in lines] == [4, 6]
    assert [(f.severity, f.row) for f in findings] == [("warning", 3)]


def test_titles_alike_are_found_under_the_same_lead() -> None:
    titles = Titles()
    titles.add("U1", "Xây dựng cơ sở dữ liệu quốc gia về đất đai", "T1")
    assert titles.near("U1", "Xây dựng cơ sở dữ liệu quốc gia về đất đai.") == "T1"
    assert titles.near("U1", "XÂY DỰNG cơ sở dữ liệu quốc gia về hộ tịch") is None
    assert titles.near("U1", "Xây dựng các cơ sở dữ liệu quốc gia về đất đai") == "T1"
    assert titles.near("U2", "Xây dựng cơ sở dữ liệu quốc gia về đất đai") is None
    assert titles.near("U1", "Nâng cấp hạ tầng máy chủ dùng chung") is None


def test_the_tally_passes_every_pair_that_is_alike() -> None:
    base = "xay dung va trien khai nen tang du lieu dung chung cua nganh giai doan 2025 2030"
    for at in range(len(base) - 3):
        titles = Titles()
        titles.add("U1", base, "T1")
        assert titles.near("U1", base[:at] + "qzw" + base[at + 3 :]) == "T1"
        assert titles.near("U1", base[:at] + "qzwkj" + base[at:]) == "T1"
