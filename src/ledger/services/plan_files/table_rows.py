"""The rows below a heading that are tasks or units: merged cells filled in, and lines between them left out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.headings import Columns
from ledger.services.plan_files.raw import Cell, RawRow

_COLUMN_NUMBER = re.compile(r"\(?\d{1,2}\)?|\([a-z]\)|[A-Z]")


MAX_SPREAD = 1_000_000
"""Cells that merged ranges may fill in, of all together."""


def table_rows(columns: Columns, findings: list[Finding]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """(row, cells) of every row below the heading that has something in a column that is read.

    A cell merged over several rows counts in each of them. A line of column numbers under the heading is passed over;
    so is a row merged across columns with at most one cell beside, a heading between rows: a warning names it.
    """
    sheet = columns.sheet
    below = [row for row in sheet.rows if row.number > columns.heading_row]
    down = _spread(columns, below, findings)
    across = {first for first, left, last, right in sheet.merged if first == last and left < right}
    read = set(columns.of.values()) - {columns.of.get("number")}
    for row in below:
        filled = [index for index, cell in enumerate(row.cells) if cell is not None]
        if row.number == columns.heading_row + 1 and len(filled) > 2 and _are_column_numbers(row):
            continue
        if row.number in across and len(filled) <= 2:
            said = str(row.cells[filled[-1]])[:80]
            reason = f"{said!r} is merged across columns: taken for a heading, not for a task"
            findings.append(Finding("warning", sheet.name, row.number, None, reason))
            continue
        if any(index in read for index in filled):
            yield row.number, _filled_in(row, down.get(row.number, {}))


def _spread(columns: Columns, below: Sequence[RawRow], findings: list[Finding]) -> dict[int, dict[int, Cell]]:
    """By row and column: what a cell merged over several rows says in those below its first."""
    down: dict[int, dict[int, Cell]] = {}
    numbers = [row.number for row in below]
    left_over = MAX_SPREAD
    for first, left, last, _ in columns.sheet.merged:
        start, end = bisect_left(numbers, first), bisect_right(numbers, last)
        if first <= columns.heading_row or start == end or numbers[start] != first or left >= len(below[start].cells):
            continue
        left_over -= end - start
        if left_over < 0:
            reason = f"merged cells cover more than {MAX_SPREAD:,} cells"
            findings.append(Finding("error", columns.sheet.name, None, None, reason))
            break
        for number in numbers[start + 1 : end]:
            down.setdefault(number, {})[left] = below[start].cells[left]
    return down


def _filled_in(row: RawRow, above: dict[int, Cell]) -> tuple[Cell, ...]:
    if not above:
        return row.cells
    cells = [*row.cells, *[None] * (max(above) + 1 - len(row.cells))]
    return tuple(above.get(index) if cell is None else cell for index, cell in enumerate(cells))


def _are_column_numbers(row: RawRow) -> bool:
    return all(
        (isinstance(cell, float) and cell.is_integer() and 0 < cell < 50)
        or (isinstance(cell, str) and _COLUMN_NUMBER.fullmatch(cell.strip()))
        for cell in row.cells
        if cell is not None
    )
