"""`due`: the tasks whose deadline is near."""

from __future__ import annotations

from ledger.domain import task as tasks
from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.parameters import Parameter
from ledger.reports.tasks import percent_done

DAYS = Parameter[int]("days", "int", 30, "Due within so many days; today's are due within 0.")


class DueReport(Report):
    """One row a task that is neither done nor cancelled, and whose last day in time is not past; the nearest first."""

    name = "due"
    title = "Tasks due soon"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("deadline", "Current deadline", "date"),
        Column("days_left", "Days left", "number"),
        Column("status", "Status", "word"),
        Column("percent", "% progress", "number"),
        Column("reported_on", "Last report", "date"),
    )
    parameters = (DAYS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`days_left` counts to the last day in time, which lies before a deadline of the kind `before`."""
        rows: list[Row] = []
        for row in reading.tasks(asked.scope, only_open=True):
            now = row.situation
            if now.deadline is None:
                continue
            left = (now.deadline.last_day - reading.on).days
            if not 0 <= left <= asked.value(DAYS):
                continue
            rows.append(
                {
                    "task": row.task,
                    "title": now.title,
                    "lead": now.lead,
                    "deadline": now.deadline.date.isoformat(),
                    "days_left": left,
                    "status": tasks.status(now, reading.on),
                    "percent": percent_done(now),
                    "reported_on": now.reported_on.isoformat() if now.reported_on else None,
                }
            )
        rows.sort(key=lambda row: (row["days_left"], row["task"]))
        return Body(rows, {"tasks": len(rows)})
