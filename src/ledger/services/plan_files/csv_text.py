"""CSV as offices save it: UTF-8 or UTF-16, with commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
import io
import re
from contextlib import suppress

from ledger.errors import BadFile
from ledger.services.plan_files.headings import SEARCHED_ROWS, known_headings
from ledger.services.plan_files.raw import RawRow, RawSheet

_DELIMITERS = ",;\t"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def csv_sheet(name: str, content: bytes, max_rows: int, max_cells: int) -> RawSheet:
    """The one sheet of a CSV file; raises `BadFile` when it is not text in UTF-8 or UTF-16, or no CSV.

    Rows are numbered as a spreadsheet numbers them: a cell with line breaks does not count as several.
    """
    text = _decoded(name, content)
    first, _, rest = text.partition("\n")
    declared = re.fullmatch(r"sep=(.)\r?", first)
    skipped = 0
    if declared:
        text, skipped = rest, 1
    delimiter = declared.group(1) if declared else _delimiter(text)
    rows, cells = [], 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, 1 + skipped):
            values = [cell if cell.strip() else None for cell in row]
            while values and values[-1] is None:
                values.pop()
            if values:
                rows.append(RawRow(number, tuple(values)))
                cells += len(values)
            if len(rows) > max_rows or cells > max_cells:
                raise BadFile(name, None, f"it holds more than {max_rows:,} rows or {max_cells:,} cells")
    except csv.Error as error:
        raise BadFile(name, reader.line_num, f"not CSV: {error}") from error
    return RawSheet(None, tuple(rows))


def _decoded(name: str, content: bytes) -> str:
    mark = next((mark for mark in _MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(_MARKS[mark] if mark else "utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(name, line, "it is neither UTF-8 nor UTF-16: save it as “CSV UTF-8”") from error
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise BadFile(name, line, f"it holds the control character U+{ord(control.group()):04X}: it is no text file")
    return text


def _delimiter(text: str) -> str:
    """The delimiter with which most headings are found in one of the first rows; then, most cells."""
    return max(_DELIMITERS, key=lambda delimiter: _sense(text, delimiter))


def _sense(text: str, delimiter: str) -> tuple[int, int]:
    """(most headings in a row, most cells in a row) of the first rows, as far as they are CSV."""
    best = (0, 0)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    with suppress(csv.Error):
        for row, _ in zip(reader, range(SEARCHED_ROWS), strict=False):
            best = max(best, (known_headings(row), len(row)))
    return best
