"""`Reading` from the read models: every question is one indexed query, and costs what it returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace
from psycopg import sql

from ledger.domain.events import EVENT_TYPES
from ledger.domain.task import Situation
from ledger.domain.values import Deadline, Ground
from ledger.projections.builds import Build
from ledger.projections.rows import DeadlineChange, Scope, StatusCount, TaskRow, TimelineRow, UnitRow
from ledger.store import queries
from ledger.store.database import Connection

_SQL = queries.load("ledger.projections.sql", "reading.sql")
_situation = msgspec.json.Decoder(Situation)
_deadline = msgspec.json.Decoder(Deadline | None)
_grounds = msgspec.json.Decoder(tuple[Ground, ...])
_data = {name: msgspec.json.Decoder(cls) for name, cls in EVENT_TYPES.items()}


class ReadModels:
    """The ledger at (position, on), from the tables of the active builds, over one connection in one snapshot."""

    def __init__(self, connection: Connection, builds: Mapping[str, Build], position: int, on: dt.date) -> None:
        self._connection = connection
        self._schemas = {name: sql.Identifier(build.schema) for name, build in builds.items()}
        self.position = position
        self.on = on

    def units(self) -> Sequence[UnitRow]:
        """The units, by code."""
        return self._units

    @cached_property
    def _units(self) -> Sequence[UnitRow]:
        return [UnitRow(*row) for row in self._rows("units", {})]

    def status_counts(self, scope: Scope) -> Sequence[StatusCount]:
        """By lead and status."""
        return [StatusCount(*row) for row in self._rows("status_counts", _parameters(scope))]

    def tasks(
        self, scope: Scope, *, after: str | None = None, limit: int | None = None, only_overdue: bool = False
    ) -> Sequence[TaskRow]:
        """The tasks by code (in order of code points), from the one behind `after`, at most `limit`."""
        more = {"after": after, "limit": limit, "only_overdue": only_overdue}
        return [
            TaskRow(task, replace(_situation.decode(situation), percent=percent, reported_on=reported_on))
            for task, situation, percent, reported_on in self._rows("tasks", _parameters(scope) | more)
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
        statement = sql.SQL(_SQL[name].decode()).format(**self._schemas)
        known = {"position": self.position, "last": self.position - 1, "on": self.on}
        return self._connection.execute(statement, parameters | known).fetchall()


def _parameters(scope: Scope) -> dict[str, Any]:
    return {
        "units": sorted(scope.units) if scope.units is not None else None,
        "plan": msgspec.json.encode([{"plan": scope.plan}]).decode() if scope.plan is not None else None,
        "task": scope.task,
    }
