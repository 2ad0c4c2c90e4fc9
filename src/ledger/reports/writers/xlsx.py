"""XLSX: a workbook of one sheet, with real numbers and dates, and no formula in it."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Sequence
from textwrap import wrap
from typing import Any, TypeGuard

from xlsxwriter import Workbook  # type: ignore[import-untyped]  # it has no type hints, here and below
from xlsxwriter.format import Format  # type: ignore[import-untyped]  # as above
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # as above

from ledger.errors import BadQuery
from ledger.reports.base import Column, Row
from ledger.reports.document import Document
from ledger.reports.language import Language, Translator, translator
from ledger.reports.writers.cells import shown
from ledger.reports.writers.page import Page, page, sum_cells

MOST_ROWS = 1_000_000
"""A sheet holds 1,048,576 rows, some of which are the title's and the totals'."""
_MOST_CHARACTERS = 32_767
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_FIRST_DATE = "1900-03-01"
"""Before it spreadsheets disagree on the calendar; older days are written as text."""
_HEAD = 3
"""The row of the headings, under the title, what was asked, and a blank one."""
_WIDEST = 48
_LINE = 15
"""The height of a line of text, in points."""
_COLUMNS_OF_A_PAGE = 16
"""More are printed side by side on several pages, or nobody could read them."""


def write_xlsx(document: Document, language: Language = "en") -> bytes:
    """The title, the rows under headings that stay in sight and filter, the sums, and what they rest on.

    The workbook's creation date is the document's `as_of`, so that the same document gives the same bytes. Raises
    `BadQuery` when a sheet does not hold the rows.
    """
    rows = len(document.body.rows)
    if rows > MOST_ROWS:
        raise BadQuery("format", f"{rows:,} rows are more than a sheet holds: take csv, or a narrower scope")
    speak = translator(language)
    document = document.opened(speak.word)
    head = page(document, speak)
    out = io.BytesIO()
    book = Workbook(out, _OPTIONS)
    created = dt.datetime.fromisoformat(document.as_of).replace(microsecond=0, tzinfo=None)
    book.set_properties({"title": head.title, "comments": head.basis[0], "created": created})
    sheet = book.add_worksheet(_sheet_name(head.title))
    _Sheet(document, head, speak, sheet, _formats(book, language)).write()
    book.close()
    return out.getvalue()


class _Sheet:
    """Writes one sheet; `row` is the next one."""

    def __init__(
        self, document: Document, head: Page, speak: Translator, sheet: Worksheet, formats: dict[str, Format]
    ) -> None:
        self.columns = document.report.columns
        self.body = document.body
        self.position = document.position
        self.root = document.root
        self.head = head
        self.speak = speak
        self.sheet = sheet
        self.formats = formats
        self.row = _HEAD

    def write(self) -> None:
        """All of it."""
        self._text(0, 0, self.head.title, "title")
        self._text(1, 0, self.head.about, "note")
        for index, heading in enumerate(self.head.headings):
            self._text(_HEAD, index, heading, "number_heading" if self.columns[index].kind == "number" else "heading")
        widths = [_word_width(heading) for heading in self.head.headings]
        for row in self.body.rows:
            self.row += 1
            for index, column in enumerate(self.columns):
                widths[index] = max(widths[index], self._cell(index, column, row[column.key]))
        self.sheet.autofilter(_HEAD, 0, max(self.row, _HEAD + 1), len(self.columns) - 1)
        for label, figures in self.head.sums:
            self.row += 1
            widths = self._sum(label, figures, widths)
        self.row += 1
        for line in (*self.head.notes, *self.head.basis):
            self.row += 1
            self._text(self.row, 0, line, "note")
        for index, width in enumerate(widths):
            self.sheet.set_column(index, index, min(width, _WIDEST) + 2)
        # Programs do not agree on how high a row of wrapped text is: it is said.
        lines = [len(wrap(heading, max(width, 1))) for heading, width in zip(self.head.headings, widths, strict=True)]
        self.sheet.set_row(_HEAD, _LINE * max(lines, default=1))
        self._paper()

    def _cell(self, index: int, column: Column, value: object) -> int:
        """The value is in the cell as what it is; returns the width that it takes."""
        text = shown(column, value, self.speak)
        if _is_figure(value):
            self.sheet.write_number(self.row, index, value, self.formats[_figures(value)])
        elif column.kind == "date" and isinstance(value, str) and value >= _FIRST_DATE:
            self.sheet.write_datetime(self.row, index, _moment(value), self.formats[_clock(value)])
        else:
            self._text(self.row, index, text, "text")
        return len(text)

    def _sum(self, label: str, figures: Row, widths: Sequence[int]) -> list[int]:
        cells = sum_cells(self.columns, label, figures, self.speak)
        for index, (column, text) in enumerate(zip(self.columns, cells, strict=True)):
            value = figures.get(column.key) if index else None
            if _is_figure(value):
                self.sheet.write_number(self.row, index, value, self.formats[f"sum_{_figures(value)}"])
            else:
                self._text(self.row, index, text, "sum")
        return [max(pair) for pair in zip(widths, map(len, cells), strict=True)]

    def _text(self, row: int, column: int, text: str, name: str) -> None:
        """Text stays text: `=1+1` is not computed, also not when the cell is edited later (its quote prefix)."""
        cut = text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
        quoted = name == "text" and text.startswith(("=", "+", "-", "@"))
        self.sheet.write_string(row, column, cut, self.formats["quoted" if quoted else name])

    def _paper(self) -> None:
        """How it looks on screen and in print."""
        sheet = self.sheet
        sheet.freeze_panes(_HEAD + 1, 1)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(-(-len(self.columns) // _COLUMNS_OF_A_PAGE), 0)
        sheet.repeat_rows(_HEAD)
        sheet.repeat_columns(0)
        # The blank after the size, or else the position would be taken for more digits of it.
        sheet.set_footer(f"&L&7 {self.position} · {self.root}&R&8&P/&N")


def _formats(book: Workbook, language: Language) -> dict[str, Format]:
    day = "yyyy-mm-dd" if language == "en" else "dd/mm/yyyy"
    cell = {"valign": "top", "bottom": 4, "bottom_color": "#B0B0B0"}
    heading = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2, "bg_color": "#E8EEF4"}
    total = {"bold": True, "top": 1, "valign": "top"}
    looks: dict[str, dict[str, Any]] = {
        "title": {"bold": True, "font_size": 14},
        "note": {"font_color": "#505050"},
        "heading": heading,
        "number_heading": heading | {"align": "right"},
        "text": cell | {"text_wrap": True},
        "quoted": cell | {"text_wrap": True, "quote_prefix": True},
        "whole": cell | {"num_format": "#,##0"},
        "part": cell | {"num_format": "#,##0.0##"},
        "day": cell | {"num_format": day, "align": "left"},
        "local": cell | {"num_format": f"{day} hh:mm:ss", "align": "left"},
        "utc": cell | {"num_format": f'{day} hh:mm:ss "UTC"', "align": "left"},
        "sum": total,
        "sum_whole": total | {"num_format": "#,##0"},
        "sum_part": total | {"num_format": "#,##0.0##"},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


def _is_figure(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figures(value: float) -> str:
    return "whole" if isinstance(value, int) else "part"


def _clock(value: str) -> str:
    if "T" not in value:
        return "day"
    return "utc" if value.endswith("Z") else "local"


def _moment(value: str) -> dt.datetime:
    """The day, or the instant as its own clock shows it: cells know no time zone."""
    return dt.datetime.fromisoformat(value).replace(tzinfo=None)


def _sheet_name(title: str) -> str:
    """What stands before a colon, without what a sheet's name may not hold."""
    return re.sub(r"[\[\]:*?/\\']", " ", title.partition(":")[0]).strip()[:31].strip()


def _word_width(heading: str) -> int:
    """The width of a heading over two lines or so; its filter button takes some."""
    return max([len(word) for word in heading.split()] + [len(heading) // 2]) + 2
