"""CSV (RFC 4180) with a byte order mark, as spreadsheets want it, and no cell that they would run as a formula."""

from __future__ import annotations

import csv
import io

from ledger.reports.document import Document
from ledger.reports.language import Language
from ledger.reports.writers.cells import data_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(document: Document, _: Language = "en") -> bytes:
    """A heading of column keys and a line a row, in no language; totals are for the reader's own sums."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    columns, document = document.report.columns, document.opened()
    writer.writerow([column.key for column in columns])
    for row in document.body.rows:
        writer.writerow([_safe(data_text(row[column.key]), column.kind == "number") for column in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _safe(text: str, is_number: bool) -> str:
    """Text that a spreadsheet would take for a formula is marked as text by an apostrophe; numbers stay numbers."""
    return f"'{text}" if not is_number and text.startswith(_FORMULA_STARTS) else text
