"""`blockers`: what holds tasks up, whose it is, and what is proposed."""

from __future__ import annotations

from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.tasks import open_blockers


class BlockersReport(Report):
    """One row a blocker that is neither resolved nor rejected, of a task not yet closed; the oldest first."""

    name = "blockers"
    title = "Open blockers"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("blocker", "Open blocker"),
        Column("owner", "Owner"),
        Column("raised_on", "Raised", "date"),
        Column("age_days", "Age in days", "number"),
        Column("category", "Category"),
        Column("description", "Description"),
        Column("proposal", "Proposed solution"),
        Column("confirmed", "Confirmed"),
    )

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`tasks` in the total counts a task with several blockers once."""
        rows: list[Row] = [
            {
                "task": row.task,
                "title": row.situation.title,
                "lead": row.situation.lead,
                "blocker": blocker.code,
                "owner": blocker.owner,
                "raised_on": blocker.raised_on.isoformat(),
                "age_days": (reading.on - blocker.raised_on).days,
                "category": blocker.category,
                "description": blocker.description or None,
                "proposal": blocker.proposal or None,
                "confirmed": blocker.verdict == "confirmed",
            }
            for row in reading.tasks(asked.scope, only_open=True)
            for blocker in open_blockers(row.situation)
        ]
        rows.sort(key=lambda row: (-row["age_days"], row["task"], row["blocker"]))
        total = {
            "tasks": len({row["task"] for row in rows}),
            "blockers": len(rows),
            "confirmed": sum(row["confirmed"] for row in rows),
        }
        return Body(rows, total)
