"""Writers: one module a format. Each turns a document into bytes; the same document gives the same bytes."""

from typing import Protocol

from ledger.reports.document import Document
from ledger.reports.language import Language
from ledger.reports.writers.csv import write_csv
from ledger.reports.writers.json import write_json
from ledger.reports.writers.pdf import write_pdf
from ledger.reports.writers.table import write_table
from ledger.reports.writers.xlsx import write_xlsx


class Writer(Protocol):
    """Bytes for a document: for people in that language; for programs (JSON, CSV) in none, the same in every one."""

    def __call__(self, document: Document, language: Language = ..., /) -> bytes:
        """The bytes."""
        ...


WRITERS: dict[str, tuple[str, Writer]] = {
    "table": ("text/plain; charset=utf-8", write_table),
    "json": ("application/json", write_json),
    "csv": ("text/csv; charset=utf-8", write_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
    "pdf": ("application/pdf", write_pdf),
}
"""Format -> (media type, writer)."""
