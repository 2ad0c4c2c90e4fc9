"""Reads a workbook in a process of its own: `python workbook.py MEMORY CELLS ROWS TEXT` from standard input.

A few hundred bytes of XLSX can ask the reader for half a terabyte (one cell in the last corner of the sheet), and an
allocation that fails ends the process, so that process must not be the caller's. Writes one JSON object a sheet,
with its rows that are not blank; exits with `TOO_LARGE`, `ENCRYPTED` or `MALFORMED` when it cannot.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import python_calamine as calamine

TOO_LARGE, ENCRYPTED, MALFORMED = 10, 11, 12


def main() -> int:
    """The sheets are on standard output, or the exit code says why not."""
    memory, max_cells, max_rows, max_text = (int(argument) for argument in sys.argv[1:5])
    _limit_memory(memory)
    import python_calamine as calamine  # noqa: PLC0415 - loaded under the limit

    try:
        book = calamine.load_workbook(io.BytesIO(sys.stdin.buffer.read()))
        cells, text = 0, 0
        for about in book.sheets_metadata:
            if about.typ is not calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(about.name)
            rows = []
            for number, row in enumerate(_rows(sheet), 1):
                values = [_value(cell) for cell in row]
                while values and values[-1] is None:
                    values.pop()
                if not values:
                    continue
                rows.append((number, values))
                cells += len(values)
                text += sum(len(value) for value in values if isinstance(value, str))
                if cells > max_cells or len(rows) > max_rows or text > max_text:
                    return TOO_LARGE
            merged = [(a + 1, b, c + 1, d) for (a, b), (c, d) in sheet.merged_cell_ranges or ()][:max_rows]
            hidden = about.visible is not calamine.SheetVisibleEnum.Visible
            print(json.dumps({"name": about.name, "hidden": hidden, "rows": rows, "merged": merged}))
    except calamine.PasswordError:
        return ENCRYPTED
    except MemoryError:
        return TOO_LARGE
    except (calamine.CalamineError, ValueError, OSError):
        return MALFORMED
    return 0


def _limit_memory(memory: int) -> None:
    """Where the system can: no more than so many bytes of address space."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on every system

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _rows(sheet: calamine.CalamineSheet) -> Iterator[list[object]]:
    """Every row from the sheet's first, each from the first column, as a spreadsheet shows them."""
    if sheet.start is not None:
        before: list[object] = [None] * sheet.start[1]
        for row in sheet.iter_rows():
            yield before + row


def _value(cell: object) -> object:
    """JSON for a cell; days are `{"day": …}`, and times of day count for nothing beside a day."""
    if isinstance(cell, dt.datetime):
        return {"day": cell.date().isoformat()}
    if isinstance(cell, dt.date):
        return {"day": cell.isoformat()}
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if isinstance(cell, dt.time | dt.timedelta):
        return str(cell)
    return cell


if __name__ == "__main__":
    sys.exit(main())
