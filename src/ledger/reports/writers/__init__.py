"""Writers: one module a format. Each turns a document into bytes; the same document gives the same bytes."""

from collections.abc import Callable

from ledger.reports.document import Document
from ledger.reports.writers.csv import write_csv
from ledger.reports.writers.json import write_json
from ledger.reports.writers.table import write_table

WRITERS: dict[str, tuple[str, Callable[[Document], bytes]]] = {
    "table": ("text/plain; charset=utf-8", write_table),
    "json": ("application/json", write_json),
    "csv": ("text/csv; charset=utf-8", write_csv),
}
"""Format -> (media type, writer)."""
