"""`scorecard`: what each unit promised, kept, asked for, slipped, and made others wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

from ledger.attribution import charges, slip
from ledger.domain import task as tasks
from ledger.projections.rows import Reading
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.succession import UNITS, shown_as
from ledger.reports.sums import percent, residual
from ledger.reports.tasks import missed_days

_SUMS = (
    "led", "coordinated", "done_on_time", "done_late", "extensions_asked", "extensions_granted",
    "extensions_with_grounds", "slip_days_caused", "slip_working_days_caused", "slip_days_received",
    "slip_days_caused_to_others", "returns", "reviews", "days_without_report",
)  # fmt: skip


class ScorecardReport(Report):
    """One row a unit that has a part in the tasks asked about.

    A charge, an extension and a review belong to the unit of that day, and are shown under its successor unless the
    unit of the day is asked for. Slip days caused sum to the slip of the tasks, those caused to others to those
    received.
    """

    name = "scorecard"
    title = "Scorecard of units"
    columns = (
        Column("unit", "Unit"),
        Column("led", "Tasks led", "number"),
        Column("coordinated", "Tasks coordinated", "number"),
        Column("done_on_time", "Done on time", "number"),
        Column("done_late", "Done late", "number"),
        Column("on_time_rate", "% on time", "number"),
        Column("extensions_asked", "Extensions asked", "number"),
        Column("extensions_granted", "Extensions granted", "number"),
        Column("extensions_with_grounds", "With grounds", "number"),
        Column("slip_days_caused", "Slip days caused", "number"),
        Column("slip_working_days_caused", "Slip working days caused", "number"),
        Column("slip_days_received", "Slip days received", "number"),
        Column("slip_days_caused_to_others", "Slip days caused to others", "number"),
        Column("returns", "Times returned", "number"),
        Column("reviews", "Reviews made", "number"),
        Column("median_review_days", "Median review days", "number"),
        Column("days_without_report", "Working days without a report", "number"),
    )
    parameters = (UNITS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """Worked out from the tasks of the scope as they stand on the day, and from what happened to them by then."""
        cards = _Cards(reading, asked)
        cards.count_tasks()
        cards.count_slips()
        cards.count_requests()
        rows = [
            {"unit": unit} | _shown(cards.sums[unit], cards.reviews[unit])
            for unit in sorted(cards.sums.keys() | cards.reviews.keys())
        ]
        total = _shown(cards.total, [days for of_unit in cards.reviews.values() for days in of_unit])
        return Body(rows, total, residual(total, rows, _SUMS))


class _Cards:
    """The sums of each unit, and those of the whole, which are counted apart from them."""

    def __init__(self, reading: Reading, asked: Asked) -> None:
        self.reading, self.asked = reading, asked
        self.shown = shown_as(reading, asked)
        self.working_days = reading.working_days()
        self.sums: dict[str, Row] = defaultdict(_nothing)
        self.reviews: dict[str, list[int]] = defaultdict(list)
        self.total = _nothing()
        self.leads: dict[str, str] = {}

    def count_tasks(self) -> None:
        """Who leads and coordinates how many, and what became of them."""
        on = self.reading.on
        for row in self.reading.tasks(self.asked.scope):
            now = row.situation
            lead = self.leads[row.task] = self.shown(now.lead)
            status = tasks.status(now, on)
            missed = missed_days(now, on, self.working_days) or 0
            for card in (self.sums[lead], self.total):
                card["led"] += 1
                card["returns"] += now.returns
                card["days_without_report"] += missed
                if status in ("done_on_time", "done_late"):
                    card[status] += 1
            for unit in {self.shown(unit) for unit in now.coordinating} - {lead}:
                self.sums[unit]["coordinated"] += 1
                self.total["coordinated"] += 1

    def count_slips(self) -> None:
        """The charges, by unit charged; the whole is the slip of the tasks themselves."""
        on = self.reading.on
        for found in self.reading.slips(self.asked.scope, self.asked.baseline):
            lead = self.leads.get(found.task)
            if lead is None:
                continue
            whole = slip(found.epoch, on, self.working_days)
            self.total["slip_days_caused"] += whole.calendar_days
            self.total["slip_working_days_caused"] += whole.working_days
            for charge in charges(found.epoch, on, self.working_days):
                unit = self.shown(charge.unit)
                self.sums[unit]["slip_days_caused"] += charge.calendar_days
                self.sums[unit]["slip_working_days_caused"] += charge.working_days
                if unit != lead:
                    self.sums[unit]["slip_days_caused_to_others"] += charge.calendar_days
                    self.sums[lead]["slip_days_received"] += charge.calendar_days
                    self.total["slip_days_caused_to_others"] += charge.calendar_days
                    self.total["slip_days_received"] += charge.calendar_days

    def count_requests(self) -> None:
        """Extensions by who led the task then, reviews by the reviewer."""
        for change in self.reading.deadline_changes(self.asked.scope):
            if change.kind == "extended":
                for card in (self.sums[self.shown(change.lead)], self.total):
                    card["extensions_granted"] += 1
                    card["extensions_with_grounds"] += bool(change.grounds)
        for request in self.reading.requests(self.asked.scope):
            if request.kind == "extension":
                for card in (self.sums[self.shown(request.lead)], self.total):
                    card["extensions_asked"] += 1
            elif request.answered_on is not None and request.answer in ("accepted", "returned"):
                reviewer = self.shown(request.asked_of or request.lead)
                self.reviews[reviewer].append((request.answered_on - request.asked_on).days)


def _nothing() -> Row:
    return dict.fromkeys(_SUMS, 0)


def _shown(sums: Row, reviews: Sequence[int]) -> Row:
    done = sums["done_on_time"] + sums["done_late"]
    middle: Any = median(reviews) if reviews else None
    return sums | {
        "on_time_rate": percent(sums["done_on_time"], done),
        "reviews": len(reviews),
        "median_review_days": int(middle) if reviews and middle == int(middle) else middle,
    }
