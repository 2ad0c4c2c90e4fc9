"""`review`: what was submitted and is not accepted yet, and with whom it lies."""

from __future__ import annotations

from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row


class ReviewReport(Report):
    """One row a task that awaits review; the longest waiting first. They are `awaiting_review` of the status report."""

    name = "review"
    title = "Results submitted and not accepted"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("reviewer", "Reviewer"),
        Column("submitted_on", "Submitted", "date"),
        Column("days_waiting", "Days waiting", "number"),
        Column("returns", "Times returned", "number"),
        Column("deadline", "Current deadline", "date"),
    )

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`days_waiting` count from the day of the submission, which does not count itself."""
        rows: list[Row] = []
        for row in reading.tasks(asked.scope, only_open=True):
            now = row.situation
            if now.life != "submitted" or now.submitted_on is None:
                continue
            rows.append(
                {
                    "task": row.task,
                    "title": now.title,
                    "lead": now.lead,
                    "reviewer": now.reviewer,
                    "submitted_on": now.submitted_on.isoformat(),
                    "days_waiting": (reading.on - now.submitted_on).days,
                    "returns": now.returns,
                    "deadline": now.deadline.date.isoformat() if now.deadline else None,
                }
            )
        rows.sort(key=lambda row: (-row["days_waiting"], row["task"]))
        total = {
            "tasks": len(rows),
            "days_waiting": sum(row["days_waiting"] for row in rows),
            "returns": sum(row["returns"] for row in rows),
        }
        return Body(rows, total)
