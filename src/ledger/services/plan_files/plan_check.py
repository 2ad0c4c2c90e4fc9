"""A plan's file looked at as a whole: everything that is wrong with it, and what it asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import msgspec

from ledger.domain import commands as cmd
from ledger.domain import plan as plans
from ledger.domain.commands import PlanItem
from ledger.domain.plan import Plan
from ledger.domain.rules import Known, Moment, check_moment
from ledger.domain.texts import Absent
from ledger.domain.times import local_day, parse_day
from ledger.errors import BadFile, BadQuery, NotFound, Refused
from ledger.projections.rows import Scope
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger
from ledger.services.plan_files import draft as drafts
from ledger.services.plan_files.draft import Draft, PlannedTask, PlanOptions
from ledger.services.plan_files.duplicates import Titles
from ledger.services.plan_files.findings import Finding, Severity
from ledger.services.plan_files.headings import SEARCHED_ROWS, Columns, Form, find_columns
from ledger.services.plan_files.plan_items import ItemError, PlanItems
from ledger.services.plan_files.raw import RawFile
from ledger.services.plan_files.reading import read_sheets
from ledger.services.plan_files.rows import RowReader, TaskLine
from ledger.services.plan_files.table_rows import table_rows
from ledger.services.plan_files.unit_names import UnitNames

_STEP_BYTES = 40_000
"""About what the items of one adoption or amendment may come to."""


def check(ledger: Ledger, path: Path, acting: str, options: PlanOptions) -> Draft:
    """What the file asks for, with everything that is wrong with it; nothing is recorded.

    Raises `BadFile` when it cannot be read as a plan, `NotFound` for an acting unit or authority that is not
    registered, `BadQuery` for another option, `Refused` when the plan cannot take what it adds.
    """
    file = read_sheets(path)
    columns = columns_of(path, file, "plan", options.sheet)
    return _Check(ledger, file, columns, acting, options).draft()


def columns_of(path: Path, file: RawFile, form: Form, sheet: str | None) -> Columns:
    """The table of the named sheet, else of the first that has one; raises `BadFile`."""
    sheets = [each for each in file.sheets if sheet is None or each.name == sheet]
    if not sheets:
        names = ", ".join(each.name for each in file.sheets if each.name) or "one sheet without a name"
        raise BadFile(str(path), None, f"it has no sheet {sheet!r}; it has {names}")
    columns = find_columns(sheets, form)
    if columns is None:
        raise BadFile(
            str(path), None, f"none of its first {SEARCHED_ROWS} rows is a heading known here; see docs/plan-files.md"
        )
    return columns


class _Check:
    """One file looked at, against the ledger as it stands."""

    def __init__(self, ledger: Ledger, file: RawFile, columns: Columns, acting: str, options: PlanOptions) -> None:
        self._ledger, self._file, self._columns, self._options = ledger, file, columns, options
        self._known: Known = ledger.directory.known()
        for unit in (acting, options.authority):
            if unit is not None and unit not in self._known.units:
                raise NotFound("unit", unit)
        self._acting = acting
        self._today = local_day(ledger.clock(), ledger.zone)
        self._key = drafts.file_key(file.sha256, columns.sheet.name, options.plan)
        self._plan = self._known_plan()
        self._findings: list[Finding] = list(columns.findings)

    def _known_plan(self) -> Plan | None:
        plan = self._known.plans.get(self._options.plan)
        if plan is None and not self._options.title:
            raise BadQuery("title", f"plan {self._options.plan} is not adopted yet: give it a title")
        for name in ("title", "authority"):
            wanted = getattr(self._options, name)
            if plan is not None and wanted is not None and wanted != getattr(plan, name):
                raise BadQuery(name, f"plan {plan.code} has the {name} {getattr(plan, name)!r}; leave the option out")
        return plan

    def draft(self) -> Draft:
        """All rows read, all duplicates found, all commands made."""
        rows = list(table_rows(self._columns, self._findings))
        if not rows:
            raise BadFile(
                self._file.name, None, f"there is no row below the heading in row {self._columns.heading_row}"
            )
        codes = {number: self._code(number, cells) for number, cells in rows}
        recorded = self._recorded(codes)
        moment = Moment(self._acting, self._day(recorded), self._today)
        check_moment(moment)
        reader = RowReader(self._columns, UnitNames(self._known.units, moment.day))
        reader.missing_columns()
        lines = [reader.read(number, cells) for number, cells in rows]
        self._findings += reader.findings
        self._find_duplicates(lines, codes, recorded)
        items = PlanItems(self._options.plan, self._title(), self._known_items(moment))
        tasks = tuple(self._task(line, codes[line.row], items, moment, line.row in recorded) for line in lines)
        steps = self._steps(items.new, moment)
        self._findings.sort(key=lambda finding: (finding.row or 0, finding.severity))
        effective = moment.day.isoformat()
        name, sheet = self._file.name, self._columns.sheet.name
        found = tuple(self._findings)
        return Draft(name, self._file.sha256, sheet, self._options.plan, effective, steps, tasks, found)

    def _title(self) -> str:
        return self._plan.title if self._plan else self._options.title or ""

    def _known_items(self, moment: Moment) -> Mapping[str, PlanItem]:
        situation = self._plan.situation(moment.day) if self._plan else None
        return situation.items if situation else {}

    def _code(self, number: int, cells: tuple[object, ...]) -> str:
        """The code in the row, else the plan's with the row's number."""
        index = self._columns.of.get("code", len(cells))
        cell = cells[index] if index < len(cells) else None
        if isinstance(cell, float) and cell.is_integer():
            cell = f"{cell:.0f}"
        return " ".join(cell.split()) if isinstance(cell, str) and cell.strip() else f"{self._options.plan}-{number}"

    def _recorded(self, codes: Mapping[int, str]) -> dict[int, str]:
        """By row: the task that an earlier import of this file has made of it."""
        asked = {row: drafts.used_line(self._acting, code, f"{self._key}:{row}").key() for row, code in codes.items()}
        used = self._ledger.stand.of((), [key for key in asked.values() if key is not None]).answers
        return {row: codes[row] for row, key in asked.items() if key is not None and (key.unit, key.key) in used}

    def _day(self, recorded: Mapping[int, str]) -> dt.date:
        """The day given; else, of an import that goes on, the day that it began with; else today."""
        if self._options.effective is not None:
            day = parse_day(self._options.effective)
            if day is None:
                raise BadQuery("effective", f"{self._options.effective!r} is not a day (2025-03-08)")
            return day
        for code in islice(recorded.values(), 1):
            stream = f"task/{code}"
            first = self._ledger.log.stream_records({stream: 0}, 2**63 - 1).get(stream, [])[:1]
            return first[0].event.day if first else self._today
        return self._today

    def _find_duplicates(self, lines: list[TaskLine], codes: Mapping[int, str], recorded: Mapping[int, str]) -> None:
        """By code errors, by title and lead warnings: of tasks in the ledger, and of rows before in the file."""
        queries = self._ledger.queries()
        with queries.reading(queries.point(None, None)) as reading:
            held = {row.task: row.situation for row in reading.tasks(Scope())}
        titles, places = Titles(), dict.fromkeys(held, "a task of the ledger")
        ours = set(recorded.values())
        texts = self._ledger.texts.resolve({situation.title for situation in held.values()})
        for code, situation in held.items():
            title = texts[situation.title]
            if code not in ours and not isinstance(title, Absent):
                titles.add(situation.lead, title, f"task {code}")
        for line in lines:
            code = codes[line.row]
            if code in places and line.row not in recorded:
                self._say("error", line.row, "code", f"{code} is the code of {places[code]} already")
            places[code] = f"row {line.row}"
            if line.lead is None or line.title is None:
                continue
            near = titles.near(line.lead, line.title)
            if near is not None:
                self._say("warning", line.row, "title", f"nearly the same title and lead as {near}")
            titles.add(line.lead, line.title, f"row {line.row}")

    def _task(self, line: TaskLine, code: str, items: PlanItems, moment: Moment, recorded: bool) -> PlannedTask:
        key = f"{self._key}:{line.row}"
        if recorded:
            return PlannedTask(line, code, None, recorded=True)
        submission = None
        try:
            item = items.cited_by(line)
            if line.title and line.lead:
                submission = drafts.task_submission(line, code, item, key, self._options, moment, self._known)
        except ItemError as error:
            self._say("error", line.row, error.field, str(error))
        except Refused as error:
            field = (error.field or "").removeprefix("data.")
            self._say("error", line.row, {"task": "code"}.get(field, field), error.reason)
        return PlannedTask(line, code, submission)

    def _steps(self, items: tuple[PlanItem, ...], moment: Moment) -> tuple[Submission, ...]:
        """The plan adopted with its items, or those that it lacks put in; in as many steps as its records need.

        Raises `Refused` when the plan would not take them.
        """
        if self._plan is not None and not items:
            return ()
        options, day = self._options, moment.day.isoformat()
        whole = (
            cmd.AdoptPlan(options.title or "", options.authority, options.document, items)
            if self._plan is None
            else cmd.AmendPlan(document=options.document, items=items)
        )
        parts = _in_parts(items) or [()]
        plans.decide(self._plan, options.plan, whole, moment, self._known)
        steps: list[cmd.Command] = [cmd.AmendPlan(document=options.document, items=part) for part in parts]
        if isinstance(whole, cmd.AdoptPlan):
            steps[0] = msgspec.structs.replace(whole, items=parts[0])
        return tuple(drafts.submission(moment.acting_unit, day, ("plan", options.plan), each, None) for each in steps)

    def _say(self, severity: Severity, row: int, field: str, reason: str) -> None:
        heading = self._columns.headings.get(field)
        self._findings.append(Finding(severity, self._columns.sheet.name, row, heading, reason))


def _in_parts(items: tuple[PlanItem, ...]) -> list[tuple[PlanItem, ...]]:
    """The items in order, in parts that fit into a record each."""
    parts: list[list[PlanItem]] = []
    size = _STEP_BYTES
    for item in items:
        needed = len(msgspec.json.encode(item))
        if size + needed > _STEP_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += needed
    return [tuple(part) for part in parts]
