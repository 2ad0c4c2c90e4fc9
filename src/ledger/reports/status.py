"""`status`: how many tasks each unit leads, and how they stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import get_args

from ledger.domain.task import Status
from ledger.projections.rows import Reading, StatusCount
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.succession import UNITS, shown_as
from ledger.reports.sums import percent, residual

STATUSES: tuple[str, ...] = get_args(Status)
STATUS_HEADINGS = {
    "done_on_time": "Done on time",
    "done_late": "Done late",
    "open_in_time": "Open in time",
    "open_overdue": "Open overdue",
    "not_due": "Not due",
    "suspended": "Suspended",
    "cancelled": "Cancelled",
    "not_stated": "Not stated",
}
_COUNTS = ("total", *STATUSES, "awaiting_review", "due")
_SHARES = ("done", *STATUSES)
_ON_PAPER = ("done", "done_on_time", "done_late", "open_in_time", "open_overdue", "not_stated")
_OF_DUE = ("done", "done_on_time", "done_late", "open_in_time", "open_overdue", "suspended")
_HEADINGS = STATUS_HEADINGS | {"done": "Done"}


class StatusReport(Report):
    """One row a lead unit. The eight statuses are all there are, so they sum to the total; a rest would be shown.

    Due is what is done, and what is neither done nor cancelled with the last day in time on or before the day.
    """

    name = "status"
    title = "Status of tasks by lead unit"
    columns = (
        Column("unit", "Unit"),
        Column("total", "Total", "number"),
        *(Column(status, STATUS_HEADINGS[status], "number") for status in STATUSES),
        Column("awaiting_review", "Awaiting review", "number"),
        Column("due", "Due", "number"),
        *(
            Column(f"percent.{share}", f"% {_HEADINGS[share].lower()}", "number", detail=share not in _ON_PAPER)
            for share in _SHARES
        ),
        *(
            Column(f"percent_of_due.{share}", f"% of due {_HEADINGS[share].lower()}", "number", detail=True)
            for share in _OF_DUE
        ),
    )
    parameters = (UNITS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """Counts by lead unit on the day; `awaiting_review` counts some of the open ones again, `due` some of all."""
        shown = shown_as(reading, asked)
        by_unit: dict[str, list[StatusCount]] = defaultdict(list)
        counts = reading.status_counts(asked.scope)
        for count in counts:
            by_unit[shown(count.lead)].append(count)
        rows = [{"unit": unit} | _summed(by_unit[unit]) for unit in sorted(by_unit)]
        total = _summed(counts)
        rest = total["total"] - sum(total[status] for status in STATUSES)
        early = list(reading.ends_before_start(asked.scope))
        flags = {"ends_before_start": early} if early else {}
        return Body(rows, total, {"total": rest} if rest else residual(total, rows, _COUNTS), flags)


def _summed(counts: Iterable[StatusCount]) -> Row:
    """The counts of a row, then their shares of all and of those due."""
    row: Row = dict.fromkeys(_COUNTS, 0)
    due = dict.fromkeys(STATUSES, 0)
    for count in counts:
        row["total"] += count.tasks
        row[count.status] += count.tasks
        row["awaiting_review"] += count.awaiting_review
        row["due"] += count.due
        due[count.status] += count.due
    done = row["done_on_time"] + row["done_late"]
    for share in _SHARES:
        row[f"percent.{share}"] = percent(done if share == "done" else row[share], row["total"])
    for share in _OF_DUE:
        row[f"percent_of_due.{share}"] = percent(done if share == "done" else due[share], row["due"])
    return row
