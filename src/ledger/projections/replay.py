"""`Reading` by a plain fold over the log prefix: slow, simple, and what every read model is held against."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ledger.attribution import BaselineKind, Place, attribute, epoch_on
from ledger.domain import calendar as calendars
from ledger.domain import plan as plans
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.calendar import WorkingDays, working_days
from ledger.domain.events import (
    DeadlineBroughtForward,
    DeadlineExtended,
    ExtensionRequested,
    Rebaselined,
    Record,
    RecordRetracted,
)
from ledger.domain.plan import Plan
from ledger.domain.task import Situation, Status, Task
from ledger.domain.times import local_day
from ledger.domain.unit import Unit
from ledger.projections.requests import requests_of
from ledger.projections.rows import (
    DEADLINE_CHANGE_KINDS,
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


class Replay:
    """The ledger at (position, on), from the records before that position."""

    def __init__(self, records: Iterable[Record], point: Point, zone: ZoneInfo) -> None:
        self.position = point.position
        self.on = point.on
        self.as_of = point.as_of
        self._point = point
        self._calendar = point.calendar
        self._zone = zone
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.event.stream, []).append(record)
        self._tasks: dict[str, Task] = {}
        self._units: dict[str, Unit] = {}
        self._plans: dict[str, Plan] = {}
        for stream, of_stream in self._records.items():
            kind, _, code = stream.partition("/")
            for record in of_stream:
                if kind == "task":
                    self._tasks[code] = tasks.evolve(self._tasks.get(code), record.event, code)
                elif kind == "unit":
                    self._units[code] = units.evolve(self._units.get(code), record.event, code)
                elif kind == "plan":
                    self._plans[code] = plans.evolve(self._plans.get(code), record.event, code)

    def at(self, position: int, on: dt.date) -> Replay:
        """The same ledger at another point, which must not know more than this one."""
        earlier = (record for of_stream in self._records.values() for record in of_stream if record.position < position)
        return Replay(earlier, replace(self._point, position=position, on=on), self._zone)

    def units(self) -> Sequence[UnitRow]:
        """The units, by code."""
        found = []
        for code in sorted(self._units):
            now = self._units[code].situation(self.on)
            if now is not None:
                found.append(UnitRow(code, now.name, now.kind, now.parent, now.merged_into))
        return found

    def plans(self) -> Sequence[PlanRow]:
        """The plans, by code."""
        found = []
        for code, plan in sorted(self._plans.items()):
            now = plan.situation(self.on)
            if now is not None:
                found.append(PlanRow(code, plan.title, plan.authority, tuple(now.items.values())))
        return found

    def status_counts(self, scope: Scope) -> Sequence[StatusCount]:
        """By lead and status."""
        counts: Counter[tuple[str, Status]] = Counter()
        awaiting: Counter[tuple[str, Status]] = Counter()
        due: Counter[tuple[str, Status]] = Counter()
        for row in self.tasks(scope):
            key = (row.situation.lead, tasks.status(row.situation, self.on))
            counts[key] += 1
            awaiting[key] += row.situation.life == "submitted"
            due[key] += _is_due(row.situation, self.on)
        return [StatusCount(*key, count, awaiting[key], due[key]) for key, count in sorted(counts.items())]

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
        found = []
        for code in sorted(self._tasks):
            if after is not None and code <= after:
                continue
            now = self._tasks[code].situation(self.on)
            if now is None or not _in_scope(scope, code, now):
                continue
            if only_open and now.is_closed:
                continue
            if not only_overdue or tasks.status(now, self.on) == "open_overdue":
                found.append(TaskRow(code, now))
        return found[:limit]

    def ends_before_start(self, scope: Scope) -> Sequence[str]:
        """The tasks whose result is dated before their start, by code."""
        return [row.task for row in self.tasks(scope) if row.situation.ends_before_start]

    def deadline_changes(self, scope: Scope) -> Sequence[DeadlineChange]:
        """In order of position."""
        found: list[DeadlineChange] = []
        for code, task in self._tasks.items():
            standing = task.situation(self.on)
            if scope.plan is not None and (
                standing is None or all(item.plan != scope.plan for item in standing.plan_items)
            ):
                continue
            changes = self._changes_of(task)
            found.extend(change for change in changes if scope.task in (None, code) and _led(scope, change.lead))
        return sorted(found, key=lambda change: change.position)

    def _changes_of(self, task: Task) -> Iterable[DeadlineChange]:
        records = self._records[f"task/{task.code}"]
        requesters: dict[str | None, str | None] = {}
        for event, before, after in tasks.walk(task):
            data, record = event.data, records[event.version - 1]
            if isinstance(data, ExtensionRequested):
                requesters[data.request] = event.actor.unit
            if not isinstance(data, DeadlineExtended | Rebaselined | DeadlineBroughtForward):
                continue
            if after is before or event.day > self.on:
                continue
            extension = data if isinstance(data, DeadlineExtended) else None
            yield DeadlineChange(
                task=task.code,
                position=record.position,
                recorded_at=record.recorded_at,
                effective=event.effective,
                kind=DEADLINE_CHANGE_KINDS[type(data)],
                lead=after.lead,
                old=before.deadline,
                new=data.new_deadline,
                requester=requesters.get(extension.request) if extension and extension.request else None,
                approver=data.approved_by,
                document=data.document,
                reason=data.reason,
                grounds=extension.grounds if extension else (),
                retroactive=extension is not None and extension.retroactive,
            )

    def requests(self, scope: Scope) -> Sequence[RequestRow]:
        """Asked for by the day, with the answers given by then; by task and version."""
        found = []
        for standing in self.tasks(replace(scope, units=None)):
            for row in sorted(requests_of(self._tasks[standing.task]), key=lambda row: row.version):
                if row.asked_on <= self.on and _led(scope, row.lead):
                    waits = row.answered_on is None or row.answered_on > self.on
                    found.append(replace(row, answered_on=None, answer=None) if waits else row)
        return found

    def slips(self, scope: Scope, baseline: BaselineKind) -> Sequence[TaskSlip]:
        """The tasks that have slipped by the day, by code."""
        found = (self.slip(row.task, baseline) for row in self.tasks(scope))
        return [slip for slip in found if slip is not None and slip.epoch.runs]

    def slip(self, task: str, baseline: BaselineKind) -> TaskSlip | None:
        """One task, slipped or not; None when it was not assigned by the day."""
        folded = self._tasks.get(task)
        if folded is None:
            return None
        records = self._records[f"task/{task}"]
        places = [Place(record.position, local_day(record.recorded_at, self._zone)) for record in records]
        epoch = epoch_on(attribute(folded, places, baseline), self.on)
        if epoch is None:
            return None
        return TaskSlip(task, replace(epoch, runs=tuple(run for run in epoch.runs if run.day_from <= self.on)))

    def working_days(self) -> WorkingDays:
        """The ledger's calendar, with what was declared of its days."""
        declared = (record.event for record in self._records.get(f"calendar/{self._calendar}", ()))
        return working_days(self._calendar, calendars.fold(self._calendar, declared))

    def timeline(self, task: str) -> Sequence[TimelineRow]:
        """The records of a task, in order of version."""
        records = self._records.get(f"task/{task}", [])
        retracted = {
            record.event.data.version: record.event.version
            for record in records
            if isinstance(record.event.data, RecordRetracted)
        }
        return [
            TimelineRow(
                record.event.version,
                record.position,
                record.recorded_at,
                record.event.effective,
                record.event.type,
                record.event.id,
                record.event.actor.unit,
                record.event.actor.subject,
                record.event.data,
                retracted.get(record.event.version),
            )
            for record in records
            if record.event.day <= self.on
        ]


def _is_due(now: Situation, on: dt.date) -> bool:
    if now.is_closed:
        return now.life == "done"
    return now.deadline is not None and now.deadline.last_day <= on


def _led(scope: Scope, lead: str) -> bool:
    return scope.units is None or lead in scope.units


def _in_scope(scope: Scope, code: str, now: Situation) -> bool:
    if scope.task not in (None, code) or not _led(scope, now.lead):
        return False
    return scope.plan is None or any(item.plan == scope.plan for item in now.plan_items)
