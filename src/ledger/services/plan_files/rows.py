"""One row as one task, with everything that is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import cast

from msgspec import Struct

from ledger.domain.values import Classification, Deadline, Indicator, Priority
from ledger.services.plan_files.dates import DateError, Kind, Order, read_deadline, read_start
from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.folding import tidy
from ledger.services.plan_files.headings import Columns, word_value
from ledger.services.plan_files.raw import Cell
from ledger.services.plan_files.unit_names import UnitNameError, UnitNames

MAX_CODE, MAX_LINE, MAX_TEXT = 120, 500, 10_000
_CLEAR: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("unit", ("lead",)),
    ("task", ("title",)),
    ("time", ("deadline",)),
    ("responsibility", ("officer", "authority")),
    ("result", ("result",)),
)
"""The five things that must be clear of every task, and the fields that say them."""


class TaskLine(Struct, frozen=True):
    """A row, as far as it could be read; what is None is missing, or named in a finding."""

    row: int
    code: str | None = None
    title: str | None = None
    lead: str | None = None
    coordinating: tuple[str, ...] = ()
    officer: str | None = None
    authority: str | None = None
    result: str | None = None
    start: dt.date | None = None
    deadline: Deadline | None = None
    pillar: str | None = None
    phase: str | None = None
    item: str | None = None
    priority: Priority = "normal"
    classification: Classification = "internal"
    indicators: tuple[Indicator, ...] = ()


class RowReader:
    """Reads the rows of one sheet, and gathers what is wrong with them in `findings`."""

    def __init__(self, columns: Columns, units: UnitNames) -> None:
        self._columns = columns
        self._units = units
        self._order: Order = "day_first" if columns.day_first else "unknown"
        self.findings: list[Finding] = []
        self._row = 0
        self._cells: Sequence[Cell] = ()

    def missing_columns(self) -> None:
        """Whichever of the five clear things has no column at all is an error at the heading."""
        for thing, fields in _CLEAR:
            if not any(field in self._columns.of for field in fields):
                self._row = self._columns.heading_row
                self._say("error", None, f"no column says the {thing} ({' or '.join(fields)}); see docs/plan-files.md")

    def read(self, number: int, cells: Sequence[Cell]) -> TaskLine:
        """The task that the row names."""
        self._row, self._cells = number, cells
        for thing, fields in _CLEAR:
            there = [field for field in fields if field in self._columns.of]
            if there and all(self._cell(field) is None for field in there):
                self._say("error", there[0], f"incomplete: the {thing} is missing")
        return TaskLine(
            row=number,
            code=self._text("code", MAX_CODE),
            title=self._text("title", MAX_LINE),
            lead=self._unit("lead"),
            coordinating=self._unit_list("coordinating"),
            officer=self._text("officer", MAX_LINE),
            authority=self._unit("authority"),
            result=self._text("result", MAX_TEXT, lines=True),
            start=self._start(),
            deadline=self._deadline(),
            pillar=self._text("pillar", MAX_LINE),
            phase=self._text("phase", MAX_LINE),
            item=self._text("item", MAX_CODE),
            priority=cast("Priority", self._word("priority") or "normal"),
            classification=cast("Classification", self._word("classification") or "internal"),
            indicators=self._indicators(),
        )

    def _cell(self, field: str) -> Cell:
        index = self._columns.of.get(field, len(self._cells))
        return self._cells[index] if index < len(self._cells) else None

    def _text(self, field: str, longest: int, *, lines: bool = False) -> str | None:
        """The cell as text; a number as it is written. Line breaks stay where `lines` says so."""
        cell = self._cell(field)
        match cell:
            case None:
                return None
            case bool():
                self._say("error", field, "it holds true or false, not text")
                return None
            case float():
                said = f"{cell:.0f}" if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
            case dt.date():
                said = cell.isoformat()
            case _:
                said = "\n".join(filter(None, map(tidy, cell.splitlines()))) if lines else tidy(cell)
        if any((ord(c) < 32 and c != "\n") or ord(c) == 127 for c in said):
            self._say("error", field, "it holds a control character")
            return None
        if len(said) > longest:
            self._say("error", field, f"it has {len(said):,} characters; at most {longest:,}")
            return None
        return said or None

    def _unit(self, field: str) -> str | None:
        said = self._text(field, MAX_LINE)
        if said is None:
            return None
        try:
            return self._units.code(said)
        except UnitNameError as error:
            self._say("error", field, str(error))
            return None

    def _unit_list(self, field: str) -> tuple[str, ...]:
        said = self._text(field, MAX_TEXT, lines=True)
        try:
            return self._units.codes(said) if said else ()
        except UnitNameError as error:
            self._say("error", field, str(error))
            return ()

    def _start(self) -> dt.date | None:
        cell = self._cell("start")
        try:
            return None if cell is None else read_start(cell, self._order)
        except DateError as error:
            self._say("error", "start", str(error))
            return None

    def _deadline(self) -> Deadline | None:
        cell = self._cell("deadline")
        if cell is None:
            return None
        kind = self._word("deadline_kind")
        try:
            return read_deadline(cell, self._order, cast("Kind | None", kind))
        except DateError as error:
            self._say("error", "deadline", str(error))
            return None

    def _word(self, field: str) -> str | None:
        said = self._text(field, MAX_LINE)
        if said is None:
            return None
        value = word_value(field, said)
        if value is None:
            self._say("error", field, f"{said!r} is not one of its values; see docs/plan-files.md")
        return value

    def _indicators(self) -> tuple[Indicator, ...]:
        """One a line, or between semicolons: `name: target`."""
        said = self._text("indicators", MAX_TEXT, lines=True) or ""
        found = []
        for part in filter(None, map(tidy, re.split(r"[;\n]", said))):
            name, _, target = (piece.strip() for piece in part.partition(":"))
            if not name or len(name) > MAX_LINE:
                self._say("error", "indicators", f"an indicator is written `name: target`, not {part[:50]!r}")
                continue
            found.append(Indicator(name, target or None))
        return tuple(found)

    def _say(self, severity: str, field: str | None, reason: str) -> None:
        heading = self._columns.headings.get(field) if field else None
        self.findings.append(
            Finding("error" if severity == "error" else "warning", self._columns.sheet.name, self._row, heading, reason)
        )
