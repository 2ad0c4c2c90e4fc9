"""What stands on a page besides the rows, in the reader's language: the same on screen, on paper and in a workbook."""

from __future__ import annotations

from collections.abc import Sequence

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
    headings = tuple(speak.text(column.heading) for column in columns)
    sums = [(speak.text("Total"), body.total)]
    if body.residual is not None:
        sums.append((speak.text("Residual"), body.residual))
    notes = [] if body.rows else [speak.text("No rows: nothing in this scope answers to the report.")]
    for label, figures in sums:
        beside = _beside(document, headings, figures, speak)
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
        headings=headings,
        sums=tuple((label, row) for label, row in sums if body.rows and any(c.key in row for c in columns)),
        notes=tuple(notes),
        basis=tuple(basis),
    )


def sum_cells(columns: tuple[Column, ...], label: str, figures: Row, speak: Translator) -> list[str]:
    """The cells of a total or residual line; its label stands in the first column."""
    return [label, *(amount(figures.get(column.key), speak) for column in columns[1:])]


def _scope(document: Document, speak: Translator) -> str:
    """The parameters that were given, each in words."""
    own = {parameter.name: parameter.kind for parameter in document.report.parameters}
    given = []
    for name, value in document.parameters.items():
        kind = "choice" if name == "baseline" else own.get(name)
        given.append(f"{speak.word(name)} {_parameter(value, kind, speak)}")
    return ", ".join(given) or speak.text("all tasks")


def _parameter(value: object, kind: str | None, speak: Translator) -> str:
    """A choice is a code of ours, the other texts are people's."""
    if isinstance(value, int):
        return speak.number(value)
    text = str(value)
    if kind == "choice":
        return speak.word(text)
    return speak.date(text) if kind == "day" else plain(text)


def _beside(document: Document, headings: Sequence[str], figures: Row, speak: Translator) -> str:
    """The figures that no column shows; without rows there are no columns."""
    columns = dict(zip((column.key for column in document.report.columns), headings, strict=True))
    shown = columns if document.body.rows else {}
    said = (
        f"{columns.get(key) or speak.word(key)} {amount(value, speak)}"
        for key, value in figures.items()
        if key not in shown and value is not None
    )
    return " · ".join(said)
