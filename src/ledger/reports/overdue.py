"""`overdue`: the tasks open past their deadline, with what holds them up and whose it is."""

from __future__ import annotations

import datetime as dt

from ledger.attribution import Epoch, Run
from ledger.domain.task import Blocker
from ledger.domain.values import Deadline
from ledger.projections.rows import Reading, TaskRow
from ledger.reports.base import Asked, Body, Column, Report, Row


class OverdueReport(Report):
    """One row a task; the cause and unit are those charged with the day itself."""

    name = "overdue"
    title = "Overdue tasks"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("original", "Original deadline", "date"),
        Column("current", "Current deadline", "date"),
        Column("days_over_original", "Days over original", "number"),
        Column("days_over_current", "Days over current", "number"),
        Column("cause", "Cause", "word"),
        Column("cause_unit", "Unit"),
        Column("blocker", "Open blocker"),
        Column("proposal", "Proposed solution"),
        Column("confirmed", "Confirmed"),
    )

    def build(self, reading: Reading, asked: Asked) -> Body:
        """Open, not suspended, and past the last day of the deadline in force; the longest overdue first."""
        slips = {slip.task: slip.epoch for slip in reading.slips(asked.scope, asked.baseline)}
        rows = [_row(row, slips.get(row.task), reading.on) for row in reading.tasks(asked.scope, only_overdue=True)]
        rows.sort(key=lambda row: (-row["days_over_current"], row["task"]))
        return Body(rows, {"tasks": len(rows)})


def _row(row: TaskRow, epoch: Epoch | None, on: dt.date) -> Row:
    now = row.situation
    charged = _charged(epoch, on)
    blocker = next((b for b in sorted(now.blockers, key=lambda b: (b.raised_on, b.code)) if b.is_open), None)
    return {
        "task": row.task,
        "title": now.title,
        "lead": now.lead,
        "original": _date(now.original),
        "current": _date(now.deadline),
        "days_over_original": _over(now.original, on),
        "days_over_current": _over(now.deadline, on),
        "cause": charged.cause if charged else None,
        "cause_unit": charged.unit if charged else None,
        "blocker": _described(blocker) if blocker else None,
        "proposal": blocker.proposal or None if blocker else None,
        "confirmed": blocker.verdict == "confirmed" if blocker else None,
    }


def _charged(epoch: Epoch | None, on: dt.date) -> Run | None:
    """The run that holds the day."""
    runs = epoch.runs if epoch else ()
    return next((run for run in runs if run.day_from <= on and (run.day_to is None or run.day_to > on)), None)


def _date(deadline: Deadline | None) -> str | None:
    return deadline.date.isoformat() if deadline else None


def _over(deadline: Deadline | None, on: dt.date) -> int | None:
    return (on - deadline.last_day).days if deadline else None


def _described(blocker: Blocker) -> str:
    return f"{blocker.code}: {blocker.description or blocker.category} ({blocker.owner})"
