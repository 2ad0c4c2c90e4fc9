"""PDF: pages on A4, set by typst in a font that has every letter of Vietnamese."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from ledger.errors import BadQuery, LedgerError
from ledger.reports.document import Document
from ledger.reports.language import Language, translator
from ledger.reports.writers.cells import shown
from ledger.reports.writers.page import page, sum_cells
from ledger.reports.writers.text_table import CAPS, Lane, fit

MOST_ROWS = 5_000
"""About 200 pages. What is longer is for programs."""
_MOST_TAGGED = 2_000
"""Rows: tags, by which a screen reader finds its way through a table, take three quarters of a file."""
_TIMEOUT = 120.0
_PORTRAIT_COLUMNS = 6
_CHARACTERS = {False: 890, True: 1320}
"""A line's characters times points of their size, upright and on its side: 182 and 269 mm, 0.58 em each."""
_SIZES = (8.5, 8, 7.5, 7, 6.5, 6)
_CAPS = CAPS[: CAPS.index(12) + 1]
_LONG_WORD = re.compile(r"\S{19,}")
_PIECES = re.compile(r"[^-/_.,;:]{0,17}[-/_.,;:]+|[^-/_.,;:]{1,18}")
_MAY_BREAK = "\u200b"


def write_pdf(document: Document, language: Language = "en") -> bytes:
    """Title, rows under headings that every page repeats, sums, and what they rest on; position and root on each page.

    Columns of detail are left out when the page would be too narrow. The creation date is the document's `as_of`, so
    that the same document gives the same bytes. Raises `BadQuery` for more rows than anyone reads on paper.
    """
    rows = len(document.body.rows)
    if rows > MOST_ROWS:
        raise BadQuery("format", f"{rows:,} rows are too many for pages: take xlsx or csv, or a narrower scope")
    created = max(0, int(dt.datetime.fromisoformat(document.as_of).timestamp()))
    # The font lacks the narrow no-break space of French thousands, and other fonts' is too narrow beside it.
    data = orjson.dumps(_data(document, language)).replace("\u202f".encode(), "\u00a0".encode())
    return _typeset(data, created, tagged=rows <= _MOST_TAGGED)


def _typeset(data: bytes, created: int, *, tagged: bool) -> bytes:
    """What the program beside this one gives for the data."""
    program = str(Path(__file__).with_name("typeset.py"))
    command = [sys.executable, "-I", program, str(created), "tagged" if tagged else "plain"]
    try:
        ended = subprocess.run(command, input=data, capture_output=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise TypesettingError(f"the pages were not set within {_TIMEOUT:.0f} s") from error
    if ended.returncode != 0:
        raise TypesettingError(f"the pages could not be set: {ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout


class TypesettingError(LedgerError):
    """The pages could not be set; no fault of the question."""


def _data(document: Document, language: Language) -> dict[str, Any]:
    """What the template sets: text only."""
    speak = translator(language)
    document = document.opened(speak.word)
    head = page(document, speak)
    columns = document.report.columns
    rows = [[shown(column, row[column.key], speak) for column in columns] for row in document.body.rows]
    rows += [sum_cells(columns, label, figures, speak) for label, figures in head.sums]
    kept = [index for index, column in enumerate(columns) if not column.detail]
    left_out = ", ".join(head.headings[index] for index, column in enumerate(columns) if column.detail)
    notes = [speak.text("Not shown for lack of width: {columns}", columns=left_out)] if left_out else []
    lanes = [
        Lane(head.headings[index], [row[index] for row in rows], whole=columns[index].kind in ("number", "date"))
        for index in kept
    ]
    wide = len(kept) > _PORTRAIT_COLUMNS
    size, widths = _size(lanes, _CHARACTERS[wide])
    return {
        "language": language,
        "title": head.title,
        "about": head.about,
        "wide": wide,
        "size": size,
        "columns": [
            {"heading": head.headings[index], "right": columns[index].kind == "number", "width": width}
            for index, width in zip(kept, widths, strict=True)
        ],
        "rows": [[_breakable(row[index]) for index in kept] for row in rows],
        "sums": len(head.sums),
        "notes": [*notes, *head.notes],
        "basis": head.basis,
        "footer": f"{document.position} · {document.root}",
    }


def _size(lanes: Sequence[Lane], characters: int) -> tuple[float, list[int]]:
    """The largest type in which no word of a usual length breaks, or the smallest; and the columns' widths in it."""
    for size in _SIZES:
        widths, fits = fit(lanes, int(characters / size), _CAPS, short=18)
        if fits:
            return size, widths
    return _SIZES[-1], fit(lanes, int(characters / _SIZES[-1]))[0]


def _breakable(text: str) -> str:
    """Long words may break, behind punctuation if they have any, so that no cell runs into the next."""
    return _LONG_WORD.sub(lambda word: _MAY_BREAK.join(_PIECES.findall(word[0])), text)
