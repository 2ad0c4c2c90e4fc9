"""What stands on a page besides the rows, in the reader's language: the same on screen, on paper and in a workbook."""

from __future__ import annotations

from msgspec import Struct

from ledger.reports.base import Column, Row
from ledger.reports.document import Document
from ledger.reports.language import Translator
from ledger.reports.writers.cells import amount, plain


class Page(Struct, frozen=True):
    """A document in words. What is empty is left out."""

    title: str
    about: str
    """Scope and the two times."""
    headings: tuple[str, ...]
    sums: tuple[tuple[str, Row], ...]
    """Label and figures of the lines under the rows: the total, and the residual where the parts do not sum."""
    notes: tuple[str, ...]
    """Sums that have no column, that there are no rows, and what is odd in the data."""
    basis: tuple[str, ...]
    """The log that the figures follow from, and the files that it rests on."""


def page(document: Document, speak: Translator) -> Page:
    """The document's page in that language."""
    columns, body = document.report.columns, document.body
    sums = [(speak.text("Total"), body.total)]
    if body.residual is not None:
        sums.append((speak.text("Residual"), body.residual))
    notes = [] if body.rows else [speak.text("No rows: nothing in this scope answers to the report.")]
    for label, figures in sums:
        beside = _beside(columns, figures, speak) if body.rows else _beside((), figures, speak)
        if beside:
            notes.append(speak.text("{label}: {figures}", label=label, figures=beside))
    for flag, tasks in body.flags.items():
        notes.append(speak.text("Flagged {flag}: {tasks}", flag=speak.word(flag), tasks=plain(", ".join(tasks))))
    basis = [
        speak.text("Log: {position} records, root {root}", position=speak.number(document.position), root=document.root)
    ]
    for file in document.imports:
        name, sha256 = plain(file["name"]), file["sha256"]
        basis.append(speak.text("Rests on the import of {name}, SHA-256 {sha256}", name=name, sha256=sha256))
    return Page(
        title=speak.text(document.report.title),
        about=speak.text(
            "Scope: {scope} · on {on} · as of {as_of}",
            scope=_scope(document, speak),
            on=speak.date(document.on),
            as_of=speak.date(document.as_of),
        ),
        headings=tuple(speak.text(column.heading) for column in columns),
        sums=tuple((label, row) for label, row in sums if body.rows and any(c.key in row for c in columns)),
        notes=tuple(notes),
        basis=tuple(basis),
    )


def sum_cells(columns: tuple[Column, ...], label: str, figures: Row, speak: Translator) -> list[str]:
    """The cells of a total or residual line; its label stands in the first column."""
    return [label, *(amount(figures.get(column.key), speak) for column in columns[1:])]


def _scope(document: Document, speak: Translator) -> str:
    """The parameters that were given; a baseline is a code of ours, the others are people's."""
    given = (
        f"{speak.word(name)} {speak.word(value) if name == 'baseline' else plain(str(value))}"
        for name, value in document.parameters.items()
    )
    return ", ".join(given) or speak.text("all tasks")


def _beside(columns: tuple[Column, ...], figures: Row, speak: Translator) -> str:
    """The figures that no column shows."""
    keys = {column.key for column in columns}
    return " · ".join(f"{speak.word(key)} {amount(value, speak)}" for key, value in figures.items() if key not in keys)
