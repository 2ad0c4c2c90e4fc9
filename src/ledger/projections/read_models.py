"""`Reading` from the read models: every question is one indexed query, and costs what it returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import msgspec
from msgspec.structs import replace
from psycopg import sql

from ledger.attribution import BaselineKind, Concurrent, Epoch, Run
from ledger.domain import calendar as calendars
from ledger.domain.calendar import WorkingDays, working_days
from ledger.domain.commands import PlanItem
from ledger.domain.events import EVENT_TYPES
from ledger.domain.task import Situation
from ledger.domain.values import Deadline, Ground
from ledger.projections.builds import Build
from ledger.projections.rows import (
    DeadlineChange,
    PlanRow,
    Point,
    RequestRow,
    Scope,
    StatusCount,
    TaskRow,
    TaskSlip,
    TimelineRow,
    UnitRow,
)
from ledger.store import queries
from ledger.store.database import Connection
from ledger.store.entry import decode_entry

_SQL = queries.load("ledger.projections.sql", "reading.sql")
_situation = msgspec.json.Decoder(Situation)
_deadline = msgspec.json.Decoder(Deadline | None)
_concurrent = msgspec.json.Decoder(tuple[Concurrent, ...])
_grounds = msgspec.json.Decoder(tuple[Ground, ...])
_items = msgspec.json.Decoder(tuple[PlanItem, ...])
_data = {name: msgspec.json.Decoder(cls) for name, cls in EVENT_TYPES.items()}


class ReadModels:
    """The ledger at (position, on), from the tables of the active builds, over one connection in one snapshot."""

    def __init__(self, connection: Connection, builds: Mapping[str, Build], point: Point) -> None:
        self._connection = connection
        self._builds = builds
        self._point = point
        self._schemas = {name: sql.Identifier(build.schema) for name, build in builds.items()}
        self.position = point.position
        self.on = point.on
        self.as_of = point.as_of
        self._calendar = point.calendar

    def at(self, position: int, on: dt.date) -> ReadModels:
        """The same ledger at another point, which must not know more than this one."""
        return ReadModels(self._connection, self._builds, replace(self._point, position=position, on=on))

    def units(self) -> Sequence[UnitRow]:
        """The units, by code."""
        return self._units

    @cached_property
    def _units(self) -> Sequence[UnitRow]:
        return [UnitRow(*row) for row in self._rows("units", {})]

    def plans(self) -> Sequence[PlanRow]:
        """The plans, by code."""
        return [
            PlanRow(plan, title, authority, _items.decode(items))
            for plan, title, authority, items in self._rows("plans", {})
        ]

    def status_counts(self, scope: Scope) -> Sequence[StatusCount]:
        """By lead and status."""
        return [StatusCount(*row) for row in self._rows("status_counts", _parameters(scope))]

    def tasks(
        self,
        scope: Scope,
        *,
        after: str | None = None,
        limit: int | None = None,
        only_open: bool = False,
        only_overdue: bool = False,
    ) -> Sequence[TaskRow]:
        """The tasks by code (in order of code points), from the one behind `after`, at most `limit`."""
        more = {"after": after, "limit": limit, "only_open": only_open, "only_overdue": only_overdue}
        # A page is read by code from the index; the whole portfolio is cheaper read at once.
        statement = "tasks" if limit is None and after is None and scope.task is None else "task_page"
        return [
            TaskRow(task, replace(_situation.decode(situation), percent=percent, reported_on=reported_on))
            for task, situation, percent, reported_on in self._rows(statement, _parameters(scope) | more)
        ]

    def ends_before_start(self, scope: Scope) -> Sequence[str]:
        """The tasks whose result is dated before their start, by code."""
        return [row[0] for row in self._rows("ends_before_start", _parameters(scope))]

    def deadline_changes(self, scope: Scope) -> Sequence[DeadlineChange]:
        """In order of position."""
        found = []
        for row in self._rows("deadline_changes", _parameters(scope)):
            named = dict(zip(DeadlineChange.__struct_fields__, row, strict=True))
            named["old"], named["new"] = _deadline.decode(named["old"]), _deadline.decode(named["new"])
            named["grounds"] = _grounds.decode(named["grounds"])
            found.append(DeadlineChange(**named))
        return found

    def requests(self, scope: Scope) -> Sequence[RequestRow]:
        """Asked for by the day, with the answers given by then; by task and version."""
        return [RequestRow(*row) for row in self._rows("requests", _parameters(scope))]

    def slips(self, scope: Scope, baseline: BaselineKind) -> Sequence[TaskSlip]:
        """The tasks that have slipped by the day, by code."""
        found = []
        rows = self._rows("slips", _parameters(scope) | {"baseline": baseline})
        for (task, on_from, on_to, given), of_task in groupby(rows, key=lambda row: row[:4]):
            runs = tuple(_run(row) for row in of_task)
            found.append(TaskSlip(task, Epoch(on_from, on_to, _deadline.decode(given), runs)))
        return found

    def slip(self, task: str, baseline: BaselineKind) -> TaskSlip | None:
        """One task, slipped or not; None when it was not assigned by the day."""
        slipped = self.slips(Scope(task=task), baseline)
        if slipped:
            return slipped[0]
        for on_from, on_to, given in self._rows("baseline", {"task": task, "baseline": baseline}):
            return TaskSlip(task, Epoch(on_from, on_to, _deadline.decode(given), ()))
        return None

    def working_days(self) -> WorkingDays:
        """The ledger's calendar, with what was declared of its days."""
        declared = [
            decode_entry(position, bytes(entry)).event
            for position, entry in self._rows("calendar", {"stream": f"calendar/{self._calendar}"})
        ]
        return working_days(self._calendar, calendars.fold(self._calendar, declared))

    def timeline(self, task: str) -> Sequence[TimelineRow]:
        """The records of a task, in order of version."""
        found = []
        for row in self._rows("timeline", {"task": task}):
            version, position, recorded_at, effective, kind, event, unit, subject, data, retracted_by = row
            decoded = _data[kind].decode(data)
            found.append(
                TimelineRow(
                    version, position, recorded_at, effective, kind, event, unit, subject, decoded, retracted_by
                )
            )
        return found

    def _rows(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        if not _can_be_stored(parameters.get("task") or ""):
            return []  # no row is about it
        statement = sql.SQL(_SQL[name].decode()).format(**self._schemas)
        known = {"position": self.position, "last": self.position - 1, "on": self.on}
        return self._connection.execute(statement, parameters | known).fetchall()


def _run(row: tuple[Any, ...]) -> Run:
    _, _, _, _, day_from, day_to, unit, cause, ref, through_ground, evidence, concurrent = row
    return Run(day_from, day_to, unit, cause, ref, through_ground, tuple(evidence), _concurrent.decode(concurrent))


def _can_be_stored(text: str) -> bool:
    """PostgreSQL can hold the text: it has neither U+0000 nor a lone surrogate (as bytes of a command line become)."""
    return "\0" not in text and text == text.encode(errors="ignore").decode()


def _parameters(scope: Scope) -> dict[str, Any]:
    return {
        "units": sorted(scope.units) if scope.units is not None else None,
        "plan": msgspec.json.encode([{"plan": scope.plan}]).decode() if scope.plan is not None else None,
        "task": scope.task,
    }
