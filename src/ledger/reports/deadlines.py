"""`deadlines`: every change of a deadline, with who asked, who approved, and on what grounds."""

from __future__ import annotations

from msgspec import to_builtins

from ledger.domain.times import utc_text
from ledger.projections.rows import DeadlineChange, Reading
from ledger.reports.base import Asked, Body, Column, Report, Row


class DeadlinesReport(Report):
    """One row a change, in the order in which the ledger learnt of them."""

    name = "deadlines"
    title = "Changes of deadlines"
    columns = (
        Column("task", "Task"),
        Column("lead", "Lead"),
        Column("old", "Old deadline", "date"),
        Column("new", "New deadline", "date"),
        Column("days", "Days", "number"),
        Column("requester", "Asked by"),
        Column("approver", "Approved by"),
        Column("document", "Document"),
        Column("grounds", "Grounds"),
        Column("effective", "Effective", "date"),
        Column("recorded_at", "Recorded", "date"),
        Column("position", "Position", "number"),
    )

    def build(self, reading: Reading, asked: Asked) -> Body:
        """`days` counts from the old last day in time to the new one; it is None where there was no deadline before."""
        rows = [_row(change) for change in reading.deadline_changes(asked.scope)]
        total = {
            "changes": len(rows),
            "later": sum((row["days"] or 0) > 0 for row in rows),
            "earlier": sum((row["days"] or 0) < 0 for row in rows),
            "first_given": sum(row["days"] is None for row in rows),
        }
        rest = total["changes"] - total["later"] - total["earlier"] - total["first_given"]
        return Body(rows, total, {"changes": rest} if rest else None)


def _row(change: DeadlineChange) -> Row:
    old, new = change.old, change.new
    return {
        "task": change.task,
        "lead": change.lead,
        "old": old.date.isoformat() if old else None,
        "new": new.date.isoformat(),
        "days": (new.last_day - old.last_day).days if old else None,
        "requester": change.requester,
        "approver": change.approver,
        "document": change.document,
        "grounds": [{k: v for k, v in to_builtins(ground).items() if v is not None} for ground in change.grounds],
        "effective": change.effective,
        "recorded_at": utc_text(change.recorded_at),
        "position": change.position,
    }
