"""`silent`: the tasks of which nothing was reported for too long."""

from __future__ import annotations

from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.parameters import Parameter
from ledger.reports.tasks import missed_days, percent_done

DAYS = Parameter[int]("days", "int", 10, "Without a progress report for so many working days.")


class SilentReport(Report):
    """One row a task that owes a report; the longest silent first. Who owes one: `missed_days`."""

    name = "silent"
    title = "Tasks without a progress report"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("officer", "Officer"),
        Column("last_report", "Last report", "date"),
        Column("percent", "% progress", "number"),
        Column("missed_days", "Working days without a report", "number"),
    )
    parameters = (DAYS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`missed_days` are working days by the calendar known then."""
        working_days = reading.working_days()
        rows: list[Row] = []
        for row in reading.tasks(asked.scope, only_open=True):
            now = row.situation
            missed = missed_days(now, reading.on, working_days)
            if missed is None or missed < asked.value(DAYS):
                continue
            rows.append(
                {
                    "task": row.task,
                    "title": now.title,
                    "lead": now.lead,
                    "officer": now.officer,
                    "last_report": now.reported_on.isoformat() if now.reported_on else None,
                    "percent": percent_done(now),
                    "missed_days": missed,
                }
            )
        rows.sort(key=lambda row: (-row["missed_days"], row["task"]))
        return Body(rows, {"tasks": len(rows), "missed_days": sum(row["missed_days"] for row in rows)})
