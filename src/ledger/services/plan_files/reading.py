"""From a file to its cells, within limits: what is hostile, damaged or not what it says ends in `BadFile`."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger.errors import BadFile
from ledger.services.plan_files import workbook
from ledger.services.plan_files.csv_text import csv_sheet
from ledger.services.plan_files.raw import Cell, RawFile, RawRow, RawSheet

MAX_FILE_BYTES = 20_000_000
"""A larger file is refused by its size, before it is opened."""
MAX_UNPACKED_BYTES = 100_000_000
"""What all parts of a workbook may come to, unpacked."""
MAX_RATIO = 200
"""How much larger than packed a part of a workbook may be, when it is larger than a megabyte."""
MAX_PARTS = 2_000
MAX_ROWS = 20_000
"""Rows of one sheet that are not blank."""
MAX_CELLS = 1_000_000
MAX_TEXT = 50_000_000
"""Characters of all cells."""
MEMORY = 2**30
"""Bytes that the process that reads a workbook may take."""
SECONDS = 60
"""How long it may take."""

_RATIO_FROM = 1_000_000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP = b"PK\x03\x04"
_ENCRYPTED = "it is protected by a password, or is an old .xls under a new name: save it as .xlsx without a password"
_FAILURES = {
    workbook.TOO_LARGE: f"it holds too much: at most {MAX_CELLS:,} cells and {MAX_ROWS:,} rows in a sheet are taken in",
    workbook.ENCRYPTED: _ENCRYPTED,
    workbook.MALFORMED: "it is damaged: open it in a spreadsheet program and save it anew as .xlsx",
}


def read_bytes(path: Path, extensions: Sequence[str]) -> bytes:
    """The file's content; raises `BadFile` for another extension, or when it is too large, empty or unreadable."""
    if path.suffix.lower() not in extensions:
        raise BadFile(str(path), None, f"its name ends in {path.suffix or 'nothing'}; expected {', '.join(extensions)}")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
            size = path.stat().st_size
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
    if len(content) > MAX_FILE_BYTES:
        raise BadFile(str(path), None, f"it has {size:,} bytes; at most {MAX_FILE_BYTES:,} are taken in")
    if not content:
        raise BadFile(str(path), None, "it is empty")
    return content


def read_sheets(path: Path) -> RawFile:
    """The sheets of an .xlsx or .csv file; raises `BadFile`, saying what is wrong with it."""
    content = read_bytes(path, (".xlsx", ".csv"))
    if path.suffix.lower() == ".csv":
        if content.startswith((_ZIP, _OLE)):
            raise BadFile(str(path), None, "it is a workbook, not CSV: give it the extension .xlsx")
        sheets: tuple[RawSheet, ...] = (csv_sheet(str(path), content, MAX_ROWS, MAX_CELLS),)
    else:
        if content.startswith(_OLE):
            raise BadFile(str(path), None, _ENCRYPTED)
        check_package(str(path), content)
        sheets = _workbook_sheets(str(path), content)
    return RawFile(path.name, hashlib.sha256(content).hexdigest(), sheets)


def check_package(name: str, content: bytes) -> None:
    """The ZIP package is whole and unpacks to a bearable size; raises `BadFile`.

    The sizes are those that its directory states; a part that unpacks to more than it states is damaged, and the
    reader's memory is limited besides.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise BadFile(name, None, "it is not an .xlsx workbook, or is damaged") from error
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise BadFile(name, None, "it is a ZIP file, but not an .xlsx workbook")
    if any(part.flag_bits & 1 for part in parts):
        raise BadFile(name, None, _ENCRYPTED)
    if len(parts) > MAX_PARTS:
        raise BadFile(name, None, f"it is a package of {len(parts):,} parts; at most {MAX_PARTS:,} are taken in")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES:
        raise BadFile(name, None, f"it unpacks to {unpacked:,} bytes; at most {MAX_UNPACKED_BYTES:,} are taken in")
    for part in parts:
        if part.file_size > _RATIO_FROM and part.file_size > MAX_RATIO * max(part.compress_size, 1):
            raise BadFile(
                name,
                None,
                f"its part {part.filename} unpacks to more than {MAX_RATIO} times its size: not a usual workbook",
            )


def _workbook_sheets(name: str, content: bytes) -> tuple[RawSheet, ...]:
    """Sheets that can be seen first, in their order, then the hidden ones."""
    limits = [str(limit) for limit in (MEMORY, MAX_CELLS, MAX_ROWS, MAX_TEXT)]
    command = [sys.executable, "-P", str(Path(workbook.__file__).resolve()), *limits]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadFile(name, None, f"reading it takes longer than {SECONDS} s: not a usual workbook") from error
    if done.returncode < 0:
        raise BadFile(name, None, "reading it takes too much memory: is there a cell far outside the table?")
    if done.returncode != 0:
        raise BadFile(name, None, _FAILURES.get(done.returncode, _FAILURES[workbook.MALFORMED]))
    sheets = [json.loads(line) for line in done.stdout.splitlines()]
    return tuple(_sheet(sheet) for sheet in sorted(sheets, key=lambda sheet: sheet["hidden"]))


def _sheet(sheet: Mapping[str, Any]) -> RawSheet:
    rows = tuple(RawRow(number, tuple(_cell(cell) for cell in cells)) for number, cells in sheet["rows"])
    merged = tuple((first, left, last, right) for first, left, last, right in sheet["merged"])
    return RawSheet(sheet["name"], rows, merged)


def _cell(cell: object) -> Cell:
    if isinstance(cell, dict):
        return dt.date.fromisoformat(cell["day"])
    if isinstance(cell, int) and not isinstance(cell, bool):
        return float(cell)
    return cell if isinstance(cell, (str, float, bool)) else None
