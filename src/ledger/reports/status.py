"""`status`: how many tasks each unit leads, and how they stand."""

from __future__ import annotations

from collections import defaultdict
from typing import get_args

from ledger.domain.task import Status
from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row

STATUSES: tuple[str, ...] = get_args(Status)
_HEADINGS = {
    "done_on_time": "Done on time",
    "done_late": "Done late",
    "open_in_time": "Open in time",
    "open_overdue": "Open overdue",
    "not_due": "Not due",
    "suspended": "Suspended",
    "cancelled": "Cancelled",
    "not_stated": "Not stated",
}


class StatusReport(Report):
    """One row a lead unit. The eight statuses are all there are, so they sum to the total; a rest would be shown."""

    name = "status"
    title = "Status of tasks by lead unit"
    columns = (
        Column("unit", "Unit"),
        Column("total", "Total", "number"),
        *(Column(status, _HEADINGS[status], "number") for status in STATUSES),
        Column("awaiting_review", "Awaiting review", "number"),
    )

    def build(self, reading: Reading, asked: Asked) -> Body:
        """Counts by lead unit on the day; `awaiting_review` counts some of the open ones again."""
        by_unit: dict[str, Row] = defaultdict(_empty)
        total = _empty()
        for count in reading.status_counts(asked.scope):
            for row in (by_unit[count.lead], total):
                row["total"] += count.tasks
                row[count.status] += count.tasks
                row["awaiting_review"] += count.awaiting_review
        rows = [{"unit": unit} | by_unit[unit] for unit in sorted(by_unit)]
        rest = total["total"] - sum(total[status] for status in STATUSES)
        early = list(reading.ends_before_start(asked.scope))
        flags = {"ends_before_start": early} if early else {}
        return Body(rows, total, {"total": rest} if rest else None, flags)


def _empty() -> Row:
    return dict.fromkeys(("total", *STATUSES, "awaiting_review"), 0)
