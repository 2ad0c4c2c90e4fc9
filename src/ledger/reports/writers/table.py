"""A table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.reports.base import Column
from ledger.reports.document import Document
from ledger.reports.language import Language, Translator, translator
from ledger.reports.writers.cells import shown
from ledger.reports.writers.page import Page, page, sum_cells
from ledger.reports.writers.text_table import Lane, draw, fit, wrap

WIDTH = 160
"""Columns of the terminal that a table may take; it takes less when less will do."""


def write_table(document: Document, language: Language = "en", width: int = WIDTH) -> bytes:
    """Title, what it rests on, rows, total, and a residual where the parts do not sum. Says so when there are no rows.

    Columns of detail, and then those that are empty throughout, are left out of a table that is too wide, and named
    below it. One whose figures need still more is wider than `width`. No line ends in blanks.
    """
    speak = translator(language)
    document = document.opened(speak.word)
    head = page(document, speak)
    lines = [*wrap(head.title, width), *wrap(head.about, width), ""]
    if document.body.rows:
        lines += [*_table(document, head, speak, width), ""]
    for line in (*head.notes, *head.basis):
        lines += wrap(line, width)
    return ("\n".join(lines) + "\n").encode()


def _table(document: Document, head: Page, speak: Translator, width: int) -> Iterator[str]:
    columns = document.report.columns
    rows = [[shown(column, row[column.key], speak) for column in columns] for row in document.body.rows]
    rows += [sum_cells(columns, label, figures, speak) for label, figures in head.sums]
    lanes = [
        (column, Lane(heading, cells, right=column.kind == "number", whole=column.kind in ("number", "date")))
        for column, heading, cells in zip(columns, head.headings, zip(*rows, strict=True), strict=True)
    ]
    kept, (widths, fits) = lanes, fit([lane for _, lane in lanes], width)
    for can_go in (_is_detail, _is_empty):
        if fits:
            break
        kept = [each for each in kept if not can_go(*each)]
        widths, fits = fit([lane for _, lane in kept], width)
    yield from draw([lane for _, lane in kept], widths, len(head.sums))
    if len(kept) < len(lanes):
        left_out = ", ".join(lane.heading for column, lane in lanes if (column, lane) not in kept)
        yield ""
        yield from wrap(speak.text("Not shown for lack of width: {columns}", columns=left_out), width)


def _is_detail(column: Column, _: Lane) -> bool:
    return column.detail


def _is_empty(_: Column, lane: Lane) -> bool:
    return not any(lane.cells)
