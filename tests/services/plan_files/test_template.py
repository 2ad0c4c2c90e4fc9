"""The empty form: it is read back by the import, and opens as it should."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import openpyxl
import pytest

from ledger.domain.unit import Unit, UnitSituation
from ledger.services.plan_files.headings import LANGUAGES, Language, find_columns, table, word_value
from ledger.services.plan_files.reading import read_sheets
from ledger.services.plan_files.template import template
from ledger.services.plan_files.unit_names import UnitNames

DAY = dt.date(2025, 3, 1)
NAMES = {"U1": "Vụ Một", "U2": "=1+1", "U3": "Trùng tên", "U4": "Trùng tên", "U5": "U1"}


def unit(code: str, name: str, merged_into: str | None = None) -> Unit:
    return Unit(code, (), (UnitSituation(dt.date(2025, 1, 1), name, "internal", None, merged_into),))


UNITS = {code: unit(code, name) for code, name in NAMES.items()} | {"U9": unit("U9", "Đã nhập", "U1")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_heading_is_read_back(tmp_path: Path, language: Language) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(template(UNITS, DAY, language))
    columns = find_columns(read_sheets(path).sheets, "plan")
    assert columns is not None
    assert (list(columns.of), columns.language, columns.heading_row) == (list(table()["plan"]), language, 1)
    assert columns.findings == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_has_drop_downs_whose_every_choice_is_understood(language: Language) -> None:
    book = openpyxl.load_workbook(io.BytesIO(template(UNITS, DAY, language)))
    form, notes, units = book.worksheets
    rules = {str(rule.sqref): rule.formula1 for rule in form.data_validations.dataValidation}
    assert len(rules) == 7
    columns = {cell.value: cell.column_letter for cell in form[1]}
    for field in ("deadline_kind", "priority", "classification"):
        letter = columns[table()["plan"][field][language][0]]
        choices = rules[f"{letter}2:{letter}2001"].strip('"').split(",")
        assert None not in {word_value(field, choice) for choice in choices}
    lead = columns[table()["plan"]["lead"][language][0]]
    assert rules[f"{lead}2:{lead}2001"].endswith("!$C$2:$C$6")
    names = UnitNames(UNITS, DAY)
    offered = [(row[0].value, row[2].value) for row in units.iter_rows(min_row=2)]
    assert {code: names.code(choice) for code, choice in offered} == {code: code for code in NAMES}
    assert notes.max_row >= 5


def test_no_name_of_a_unit_becomes_a_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(template(UNITS, DAY, "vi")))
    cell = book.worksheets[2]["B3"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_the_same_form_is_the_same_bytes_and_none_needs_units() -> None:
    assert template(UNITS, DAY, "vi") == template(UNITS, DAY, "vi")
    book = openpyxl.load_workbook(io.BytesIO(template({}, DAY, "fr")))
    assert len(book.worksheets[0].data_validations.dataValidation) == 4
