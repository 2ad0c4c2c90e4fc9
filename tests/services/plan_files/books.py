"""Files made for a test: workbooks and CSV with a plan, whole or broken."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

HEADINGS = ("Nhiệm vụ", "Đơn vị chủ trì", "Thời hạn", "Người phụ trách", "Kết quả")
"""A heading with the five clear things and nothing else."""
ROW = ("Xây dựng cơ sở dữ liệu dùng chung", "U1", "31/12/2025", "Trưởng phòng", "Cơ sở dữ liệu vận hành")

Rows = Sequence[Sequence[Any]]


def workbook(
    path: Path, rows: Rows, *, sheet: str = "Kế hoạch", then: Callable[[Any, Any], None] | None = None
) -> Path:
    """A workbook with one sheet of those rows; `then` may do more to (book, sheet). Days become date cells."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell not in ("", None):
                    page.write(number, column, cell)
        if then is not None:
            then(book, page)
    return path


def csv_file(path: Path, rows: Rows, *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """The rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def plan(path: Path, *rows: Sequence[Any], headings: Sequence[str] = HEADINGS) -> Path:
    """A workbook, or CSV by its name, with a heading in the first row; row 2 is the first task."""
    make = csv_file if path.suffix == ".csv" else workbook
    return make(path, [headings, *rows])


def with_part(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one part changed (made when it is not there)."""
    with zipfile.ZipFile(path) as package:
        parts = {each: package.read(each) for each in package.namelist()}
    parts[name] = change(parts.get(name, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for each, content in parts.items():
            package.writestr(each, content)
    return path
