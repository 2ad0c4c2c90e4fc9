"""`slip`: every charge of slip days, by task: who slipped what, when, and on what evidence."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from ledger.attribution import Charge, charges
from ledger.attribution import slip as slip_of
from ledger.domain import task as tasks
from ledger.domain.calendar import WorkingDays
from ledger.domain.task import Situation
from ledger.domain.times import utc_text
from ledger.projections.rows import Reading, Scope, TaskSlip
from ledger.reports.base import Asked, Baseline, Body, Column, Report, Row
from ledger.reports.succession import UNITS, shown_as
from ledger.reports.sums import residual


class SlipReport(Report):
    """One row a charge. The charges of a task sum to its slip; the total's other parts are none.

    A row is charged to the unit of the day or, unless that is asked for, to its successor on the day asked about. The
    charges under `tasks` always name the unit of the day.
    """

    name = "slip"
    title = "Slip: charges of days after the baseline"
    columns = (
        Column("task", "Task"),
        Column("from", "From", "date"),
        Column("to", "To", "date"),
        Column("calendar_days", "Days", "number"),
        Column("working_days", "Working days", "number"),
        Column("unit", "Unit charged"),
        Column("cause", "Cause", "word"),
        Column("through_ground", "Through ground"),
        Column("ref", "Reference"),
        Column("evidence", "Evidence"),
        Column("concurrent", "Concurrent"),
    )
    parameters = (UNITS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`tasks` holds, for each task, its baseline, status, slip and charges (DESIGN section 9)."""
        found = task_slips(reading, asked.scope, asked.baseline)
        shown = shown_as(reading, asked)
        rows = [
            _row(task["task"], charge) | {"unit": shown(charge["unit"])} for task in found for charge in task["charges"]
        ]
        total = {
            "tasks": len(found),
            "charges": len(rows),
            "calendar_days": sum(task["slip"]["calendar_days"] for task in found),
            "working_days": sum(task["slip"]["working_days"] for task in found),
        }
        rest = residual(total, rows, ("calendar_days", "working_days"))
        return Body(rows, total, rest, more={"tasks": found})


def task_slips(reading: Reading, scope: Scope, baseline: Baseline) -> list[Row]:
    """The tasks that have slipped by the day, with their charges; the one task asked for even if it has not."""
    working_days = reading.working_days()
    if scope.task is not None:
        one = reading.slip(scope.task, baseline)
        slips = [one] if one is not None else []
    else:
        slips = list(reading.slips(scope, baseline))
    situations = {row.task: row.situation for row in reading.tasks(scope)}
    return [
        _task(slip, situations[slip.task], reading, baseline, working_days) for slip in slips if slip.task in situations
    ]


def _task(slip: TaskSlip, situation: Situation, reading: Reading, baseline: Baseline, working_days: WorkingDays) -> Row:
    days = slip_of(slip.epoch, reading.on, working_days)
    given = slip.epoch.baseline
    return {
        "task": slip.task,
        "on": reading.on.isoformat(),
        "as_of": utc_text(reading.as_of),
        "title": situation.title,
        "lead": situation.lead,
        "baseline": {"kind": baseline, "date": given.date.isoformat() if given else None},
        "status": tasks.status(situation, reading.on),
        "slip": {"calendar_days": days.calendar_days, "working_days": days.working_days},
        "charges": [_charge(charge) for charge in charges(slip.epoch, reading.on, working_days)],
    }


def _charge(charge: Charge) -> Row:
    values: dict[str, Any] = to_builtins(charge)
    return values


def _row(task: str, charge: Row) -> Row:
    return {"task": task, "from": charge["days"][0][0], "to": charge["days"][-1][1]} | {
        column: charge[column]
        for column in (
            "calendar_days",
            "working_days",
            "unit",
            "cause",
            "through_ground",
            "ref",
            "evidence",
            "concurrent",
        )
    }
