"""An empty form for a plan: headings, drop-downs, and notes on how to fill it in."""

from __future__ import annotations

import datetime as dt
import io
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # it carries no types

from ledger.domain.unit import Unit
from ledger.services.plan_files.folding import tidy
from ledger.services.plan_files.headings import Language, table, words_of

LAST_ROW = 2_000
"""The last row with drop-downs and formats."""
_WIDTHS = {"title": 48, "result": 36, "lead": 28, "coordinating": 32, "indicators": 28, "number": 6}
_CLEAR = {"title", "lead", "deadline", "officer", "authority", "result"}
_CREATED = dt.datetime(2025, 1, 1)  # noqa: DTZ001  # the format knows no time zone; fixed, so that bytes are repeatable


def template(units: Mapping[str, Unit], day: dt.date, language: Language) -> bytes:
    """The workbook; the same units, day and language give the same bytes.

    Units are offered by name, or by code where several bear the name; merged ones are not offered.
    """
    words = tomllib.loads(resources.files(__package__).joinpath("template.toml").read_text("utf-8"))[language]
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"created": _CREATED})
        sheet, notes, unit_sheet = (book.add_worksheet(words[name]) for name in ("sheet", "notes_sheet", "units_sheet"))
        offered = _write_units(book, unit_sheet, units, day, language)
        lists = {
            "deadline_kind": list(words_of("deadline_kind", language).values()),
            "priority": list(words_of("priority", language).values()),
            "classification": list(words_of("classification", language).values()),
            "phase": words["phases"],
        }
        _write_form(book, sheet, language, lists, (words["units_sheet"], offered))
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        notes.set_column(0, 0, 110, wrapped)
        for row, note in enumerate(words["notes"]):
            notes.write_string(row, 0, note, wrapped)
    return content.getvalue()


def _write_form(
    book: Any,  # noqa: ANN401  # the library has no types
    sheet: Any,  # noqa: ANN401  # as above
    language: Language,
    lists: Mapping[str, Sequence[str]],
    units: tuple[str, int],
) -> None:
    bold = {"bold": True, "text_wrap": True, "valign": "top", "border": 1}
    plain, needed = book.add_format({**bold, "bg_color": "#E7E6E6"}), book.add_format({**bold, "bg_color": "#FFE699"})
    text = book.add_format({"text_wrap": True, "valign": "top"})
    day = book.add_format({"num_format": "dd/mm/yyyy", "align": "left", "valign": "top"})
    code = book.add_format({"num_format": "@", "valign": "top"})
    formats = {"start": day, "deadline": day, "code": code, "item": code}
    unit_sheet, last_unit = units
    source = f"='{unit_sheet.replace(chr(39), chr(39) * 2)}'!$C$2:$C${last_unit}"
    for column, (field, headings) in enumerate(table()["plan"].items()):
        sheet.write_string(0, column, headings[language][0], needed if field in _CLEAR else plain)
        sheet.set_column(column, column, _WIDTHS.get(field, 18), formats.get(field, text))
        if field in lists:
            rule = {"validate": "list", "source": list(lists[field])}
            # People may have phases of their own; the other lists are closed.
            sheet.data_validation(1, column, LAST_ROW, column, rule | {"show_error": field != "phase"})
        elif field in ("lead", "authority", "coordinating") and last_unit > 1:
            # Several coordinating units in one cell are typed.
            closed = field != "coordinating"
            rule = {"validate": "list", "source": source, "show_error": closed}
            sheet.data_validation(1, column, LAST_ROW, column, rule)
    sheet.freeze_panes(1, 0)


def _write_units(
    book: Any,  # noqa: ANN401  # the library has no types
    sheet: Any,  # noqa: ANN401  # as above
    units: Mapping[str, Unit],
    day: dt.date,
    language: Language,
) -> int:
    """Code, name and what to write of each unit; returns the last row, 1 when there is none."""
    names = {}
    for code, unit in sorted(units.items()):
        situation = unit.situation(day)
        if situation is not None and situation.merged_into is None:
            names[code] = tidy(situation.name)
    bold = book.add_format({"bold": True})
    headings = (table()["units"]["code"], table()["units"]["name"], table()["plan"]["lead"])
    for column, (words, width) in enumerate(zip(headings, (14, 60, 60), strict=True)):
        sheet.write_string(0, column, words[language][0], bold)
        sheet.set_column(column, column, width)
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    for row, (code, name) in enumerate(names.items(), 1):
        sheet.write_string(row, 0, code)
        sheet.write_string(row, 1, name)
        sheet.write_string(row, 2, code if name in shared or name in names else name)
    return len(names) + 1
