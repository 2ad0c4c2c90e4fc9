"""A table for the terminal."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table

from ledger.reports.document import Document
from ledger.reports.writers.cells import cell_text

WIDTH = 160
"""Columns of the terminal that a table may take; it takes less when less will do."""


def write_table(document: Document) -> bytes:
    """Title, what it rests on, rows, total, and a residual where the parts do not sum. Says so when there are no rows."""
    out = io.StringIO()
    console = Console(file=out, width=WIDTH, color_system=None, highlight=False, emoji=False, markup=False)
    console.print(document.report.title)
    scope = ", ".join(f"{name} {value}" for name, value in document.parameters.items()) or "all tasks"
    console.print(f"Scope: {scope} · on {document.on} · as of {document.as_of}")
    if document.body.rows:
        console.print(_table(document))
    else:
        console.print("No rows: nothing in this scope answers to the report.")
    for flag, tasks in document.body.flags.items():
        console.print(f"Flagged {flag}: {', '.join(tasks)}")
    console.print(f"Log: {document.position:,} records, root {document.root}")
    for file in document.imports:
        console.print(f"Rests on the import of {file['name']}, SHA-256 {file['sha256']}")
    return ("\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n").encode()


def _table(document: Document) -> Table:
    columns, body = document.report.columns, document.body
    table = Table(box=box.SIMPLE_HEAD, show_footer=False, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.kind == "number" else "left", overflow="fold")
    for row in body.rows:
        table.add_row(*(cell_text(row[column.key]) for column in columns))
    rest = columns[1:]
    sums = [("Total", body.total)] + ([("Residual", body.residual)] if body.residual is not None else [])
    for label, sum_row in sums:
        if any(column.key in sum_row for column in columns):
            table.add_section()
            table.add_row(label, *(cell_text(sum_row.get(column.key)) for column in rest))
    return table
