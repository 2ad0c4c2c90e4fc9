"""The workbook as other programs read it."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile

import openpyxl
import pytest
from python_calamine import CalamineWorkbook
from tests.writers.documents import FORMULAS, ROOT, document, overdue, overdue_row, status

from ledger.errors import BadQuery
from ledger.reports.language import LANGUAGES, Language
from ledger.reports.writers import xlsx
from ledger.reports.writers.xlsx import write_xlsx

NASTY = ("a" * 40_000, "\x00\x1b\ufffe\uffff\ud7ff", "_x0041_", "<b>&amp;</b>", "  blanks  ", "'quoted")


def rows_of(content: bytes) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_readers_find_every_row_with_its_numbers_and_dates(language: Language) -> None:
    content = write_xlsx(overdue(50), language)
    by_calamine = rows_of(content)
    assert [row[0] for row in by_calamine[4:54]] == [f"T{n}" for n in range(50)]
    assert by_calamine[4][3:7] == [dt.date(2025, 3, 8), dt.date(2025, 10, 15), 1257.0, 36.0]
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert [row[0] for row in sheet.iter_rows(min_row=5, max_row=54, values_only=True)] == [f"T{n}" for n in range(50)]
    assert sheet["D5"].value == dt.datetime(2025, 3, 8)  # noqa: DTZ001  # cells know no time zone
    assert sheet["D5"].number_format == ("yyyy-mm-dd" if language == "en" else "dd/mm/yyyy")
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B5", "A4:L54")


def test_total_residual_and_what_it_rests_on_are_there() -> None:
    rows = rows_of(write_xlsx(status(), "vi"))
    assert rows[5][:3] == ["Tổng số", 187.0, 41.0]
    assert rows[6][:2] == ["Chênh lệch", 1.0]
    below = [str(row[0]) for row in rows[7:]]
    assert any(ROOT in line for line in below)
    assert any("cũ.ndjson" in line for line in below)


def test_no_cell_is_a_formula_or_a_link() -> None:
    rows = [overdue_row(n, title) | {"lead": title, "task": title} for n, title in enumerate(FORMULAS)]
    content = write_xlsx(document("overdue", rows), "en")
    assert [row[1] for row in rows_of(content)[4:10]] == list(FORMULAS)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        assert not any(re.search(rb"<f[ >]|<hyperlink", parts.read(name)) for name in parts.namelist())


def test_nasty_texts_are_no_nuisance() -> None:
    titles = [
        row[1] for row in rows_of(write_xlsx(document("overdue", [{"title": text} for text in NASTY]), "vi"))[4:10]
    ]
    assert len(str(titles[0])) == 32_767
    assert titles[1] == "\ufffd" * 4 + "\ud7ff"
    assert titles[2:] == list(NASTY[2:])


def test_the_creation_date_is_that_of_the_figures() -> None:
    made = openpyxl.load_workbook(io.BytesIO(write_xlsx(overdue(), "fr"))).properties.created
    assert made == dt.datetime(2025, 11, 20, 16, 59, 59)  # noqa: DTZ001  # as openpyxl gives it


def test_a_day_that_spreadsheets_do_not_have_is_text() -> None:
    rows = rows_of(write_xlsx(document("overdue", [{"original": "1850-01-01"}]), "vi"))
    assert rows[4][3] == "01/01/1850"


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 2)
    with pytest.raises(BadQuery, match="more than a sheet holds"):
        write_xlsx(overdue(3))


def test_the_foot_of_a_page_names_the_position_and_the_root() -> None:
    """A digit straight after the size of the letters would be taken for more of the size."""
    sheet = openpyxl.load_workbook(io.BytesIO(write_xlsx(status(), "en"))).active
    assert sheet is not None
    assert sheet.oddFooter.left.text == f"{status().position} · {ROOT}"
    assert sheet.oddFooter.left.size == 7
