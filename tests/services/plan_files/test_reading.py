"""Files that are not what they say, or ask for more than they should, end in `BadFile` and nothing worse."""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.plan_files.books import csv_file, with_part, workbook
from tests.support.effort import examples

from ledger.errors import BadFile
from ledger.services.plan_files import reading
from ledger.services.plan_files.raw import RawRow
from ledger.services.plan_files.reading import read_sheets

SHEET = "xl/worksheets/sheet1.xml"


def test_cells_are_read_with_the_numbers_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    rows = [[], ["", "x", 3, 2.5, dt.date(2025, 10, 15), True], [], ["=1+1"]]
    (sheet,) = read_sheets(workbook(tmp_path / "a.xlsx", rows)).sheets
    assert sheet.name == "Kế hoạch"
    assert sheet.rows == (
        RawRow(2, (None, "x", 3.0, 2.5, dt.date(2025, 10, 15), True)),
        RawRow(4, ("=1+1",)),
    )


def test_a_sheet_that_begins_right_of_the_first_column_keeps_its_columns(tmp_path: Path) -> None:
    (sheet,) = read_sheets(workbook(tmp_path / "a.xlsx", [["", "", "x"]])).sheets
    assert sheet.rows == (RawRow(1, (None, None, "x")),)


def test_of_a_formula_the_stored_value_counts_and_without_one_there_is_nothing(tmp_path: Path) -> None:
    def formulas(_: object, page: object) -> None:
        page.write_formula(0, 0, "=1+1", None, 2)
        page.write_formula(0, 1, '="a"&"b"', None, "ab")
        page.write_formula(0, 2, "=1/0", None, "#DIV/0!")
        page.write_formula(0, 3, "=A1", None, "")
        page.write(0, 4, "end")

    (sheet,) = read_sheets(workbook(tmp_path / "a.xlsx", [], then=formulas)).sheets
    assert sheet.rows == (RawRow(1, (2.0, "ab", None, None, "end")),)


def test_hidden_sheets_come_last(tmp_path: Path) -> None:
    def more(book: object, page: object) -> None:
        book.add_worksheet("seen").write(0, 0, "y")
        page.hide()
        book.worksheets()[1].activate()

    found = read_sheets(workbook(tmp_path / "a.xlsx", [["x"]], then=more))
    assert [sheet.name for sheet in found.sheets] == ["seen", "Kế hoạch"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_the_encodings_and_with_the_delimiters_of_offices(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["Mã", "Nhiệm vụ"], [], ["1", 'hai\ndòng, "ba"; bốn']]
    (sheet,) = read_sheets(csv_file(tmp_path / "a.csv", rows, encoding=encoding, delimiter=delimiter)).sheets
    assert sheet.rows == (RawRow(1, ("Mã", "Nhiệm vụ")), RawRow(3, ("1", 'hai\ndòng, "ba"; bốn')))


def test_csv_may_declare_its_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=|\na|b,c\n")
    assert read_sheets(path).sheets[0].rows == (RawRow(2, ("a", "b,c")),)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Échéance".encode("cp1252"), "neither UTF-8 nor UTF-16"),
        ("Plan".encode("utf-16-le"), "control character"),
        (b"\xff\xfea", "neither UTF-8 nor UTF-16"),
        (b"a,b\nc\x00,d", "line 2: it holds the control character U\\+0000"),
        (b'Task,Lead,Due\n1,"b\nc', "not CSV"),
        (b"PK\x03\x04 and so on", "it is a workbook, not CSV"),
        (b"", "it is empty"),
    ],
)
def test_bytes_that_are_no_csv(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=reason):
        read_sheets(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a,b\n", "not an .xlsx workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000), "password"),
        (b"PK\x03\x04" + bytes(100), "not an .xlsx workbook"),
        (b"", "it is empty"),
    ],
)
def test_bytes_that_are_no_workbook(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=reason):
        read_sheets(path)


@pytest.mark.parametrize("name", ["a.xls", "a.xlsm", "a.ods", "a.txt", "a"])
def test_other_extensions_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    with pytest.raises(BadFile, match=r"expected \.xlsx, \.csv"):
        read_sheets(path)


def test_a_file_of_200_megabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    started = time.monotonic()
    with pytest.raises(BadFile, match="200,000,000 bytes"):
        read_sheets(path)
    assert time.monotonic() - started < 1


def test_a_zip_bomb_is_refused_by_what_it_would_unpack_to(tmp_path: Path) -> None:
    path = with_part(workbook(tmp_path / "a.xlsx", [["x"]]), "xl/bomb.xml", lambda _: bytes(110_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadFile, match="it unpacks to"):
        read_sheets(path)


def test_a_small_zip_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    path = with_part(workbook(tmp_path / "a.xlsx", [["x"]]), "xl/bomb.xml", lambda _: bytes(5_000_000))
    with pytest.raises(BadFile, match="more than 200 times its size"):
        read_sheets(path)


def test_a_zip_that_is_no_workbook_and_one_of_too_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("hello.txt", "x")
    with pytest.raises(BadFile, match=r"not an \.xlsx workbook"):
        read_sheets(path)
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("[Content_Types].xml", "<x/>")
        for number in range(reading.MAX_PARTS):
            package.writestr(f"{number}", b"")
    with pytest.raises(BadFile, match="parts"):
        read_sheets(path)


def _cell_at(place: str) -> bytes:
    row = "".join(filter(str.isdigit, place))
    return f'<row r="{row}"><c r="{place}"><v>1</v></c></row></sheetData>'.encode()


def test_one_cell_in_the_far_corner_asks_for_half_a_terabyte_and_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["x"]])
    with_part(path, SHEET, lambda xml: xml.replace(b"</sheetData>", _cell_at("XFD1048576")))
    with pytest.raises(BadFile, match="too much memory"):
        read_sheets(path)


def test_hundreds_of_thousands_of_blank_rows_are_passed_over(tmp_path: Path) -> None:
    blank = b"".join(b'<row r="%d" spans="1:3" ht="15"/>' % number for number in range(2, 400_000))
    path = workbook(tmp_path / "a.xlsx", [["x"]])
    with_part(path, SHEET, lambda xml: xml.replace(b"</sheetData>", blank + _cell_at("A1000000")))
    (sheet,) = read_sheets(path).sheets
    assert [row.number for row in sheet.rows] == [1, 1_000_000]


def test_one_long_text_shared_by_many_cells_is_refused(tmp_path: Path) -> None:
    rows = [["x" * 30_000] * 100 for _ in range(100)]
    with pytest.raises(BadFile, match=r"too much|memory"):
        read_sheets(workbook(tmp_path / "a.xlsx", rows))


def test_more_rows_than_are_taken_in(tmp_path: Path) -> None:
    rows = [["x"]] * (reading.MAX_ROWS + 1)
    for path in (workbook(tmp_path / "a.xlsx", rows), csv_file(tmp_path / "a.csv", rows)):
        with pytest.raises(BadFile, match="20,000"):
            read_sheets(path)


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><worksheet>&c;</worksheet>',
        b"\xff\xfe\x00",
    ],
)
def test_a_broken_part_is_an_error_or_nothing(tmp_path: Path, part: str, content: bytes) -> None:
    path = with_part(workbook(tmp_path / "a.xlsx", [["x", "y"]]), part, lambda _: content)
    try:
        read_sheets(path)
    except BadFile as error:
        assert "Traceback" not in str(error)  # noqa: PT017 - either way is right


@examples(10)
@given(st.data())
def test_a_damaged_workbook_is_an_error_or_is_read(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(workbook(tmp_path / "a.xlsx", [["x", 1, "y"]] * 5).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, 5_000))] = data.draw(st.integers(0, 255))
    path = tmp_path / "b.xlsx"
    path.write_bytes(content)
    try:
        read_sheets(path)
    except BadFile as error:
        assert str(error)  # noqa: PT017 - either way is right


def test_a_package_whose_directory_lies_of_a_part_is_an_error(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["x"]])
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        size = package.getinfo(SHEET).file_size
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (7).to_bytes(4, "little")))
    with pytest.raises(BadFile):
        read_sheets(path)
