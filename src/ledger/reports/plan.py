"""`plan`: how the parts of a plan stand: its pillars in each phase, or its items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ledger.domain import task as tasks
from ledger.domain.commands import PlanItem
from ledger.domain.task import Situation
from ledger.projections.rows import PlanRow, Reading, TaskRow
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.parameters import Parameter
from ledger.reports.status import STATUS_HEADINGS, STATUSES
from ledger.reports.sums import residual

BY = Parameter[str](
    "by", "choice", "pillar", "One row a pillar in each phase, or one a plan's item.", ("pillar", "item")
)
_COUNTS = ("total", *STATUSES)
Part = tuple[str | None, str | None, str | None]
"""(plan, item, phase): what a row is about; of no plan, (None, None, None)."""


class PlanReport(Report):
    """Totals count a task once, however many items it cites; the residual is what the rows count more than once."""

    name = "plan"
    title = "Plans: pillars, phases and items"
    columns = (
        Column("plan", "Plan"),
        Column("item", "Item"),
        Column("title", "Title"),
        Column("phase", "Phase"),
        Column("total", "Total", "number"),
        *(Column(status, STATUS_HEADINGS[status], "number") for status in STATUSES),
        Column("average_progress", "Average % progress", "number"),
    )
    parameters = (BY,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """A pillar is an item that lies under no other; an item's phase is its own or the nearest above it.

        The progress of a task that is done is 100, before the first report 0; cancelled tasks have no part in it.
        """
        whole = asked.value(BY) == "pillar"
        titles: dict[Part, str | None] = {}
        place: dict[tuple[str, str], Part] = {}
        for plan in reading.plans():
            if asked.scope.plan in (None, plan.plan):
                _lay_out(plan, whole, titles, place)
        cited: dict[Part, list[Situation]] = defaultdict(list)
        rows_of = reading.tasks(asked.scope)
        for row in rows_of:
            for part in _parts(row, asked.scope.plan, place):
                cited[part].append(row.situation)
        unknown = sorted(cited.keys() - titles.keys(), key=lambda part: tuple(name or "" for name in part))
        rows = [
            {"plan": part[0], "item": part[1], "title": titles.get(part), "phase": part[2]}
            | _counted(cited[part], reading)
            for part in (*titles, *unknown)
        ]
        total = _counted([row.situation for row in rows_of], reading)
        return Body(rows, total, residual(total, rows, _COUNTS))


def _lay_out(
    plan: PlanRow, by_pillar: bool, titles: dict[Part, str | None], place: dict[tuple[str, str], Part]
) -> None:
    """The plan's rows with their titles are in `titles`, in its order, and the row of each of its items in `place`.

    A pillar has a row for each phase in which something lies, and none for itself when all of it lies in phases.
    """
    items = {item.code: item for item in plan.items}
    parents = {item.parent for item in plan.items}
    for item in plan.items:
        path = above(item, items)
        phase = next((each.phase for each in path if each.phase), None)
        row = path[-1] if by_pillar else item
        part = place[plan.plan, item.code] = (plan.plan, row.code, phase)
        if not by_pillar or item.code not in parents:
            titles.setdefault(part, row.title)


def above(item: PlanItem, items: dict[str, PlanItem]) -> list[PlanItem]:
    """The item, the one that it lies under, and so on up to the pillar."""
    found = [item]
    while (parent := items.get(found[-1].parent or "")) is not None and len(found) <= len(items):
        found.append(parent)
    return found


def _parts(row: TaskRow, plan: str | None, place: dict[tuple[str, str], Part]) -> Iterable[Part]:
    """The rows in which the task counts, each once; an item that its plan does not have that day has one of its own."""
    cited = row.situation.plan_items
    if not cited:
        return ((None, None, None),)
    mine = (ref for ref in cited if plan in (None, ref.plan))
    return dict.fromkeys(place.get((ref.plan, ref.item), (ref.plan, ref.item, None)) for ref in mine)


def _counted(situations: Sequence[Situation], reading: Reading) -> Row:
    row: Row = dict.fromkeys(_COUNTS, 0)
    points = parts = 0
    for now in situations:
        status = tasks.status(now, reading.on)
        row["total"] += 1
        row[status] += 1
        if now.life != "cancelled":
            parts += 1
            points += 10_000 if now.life == "done" else now.percent or 0
    # Basis points to per cent with one decimal, halves up.
    row["average_progress"] = (points * 2 + parts * 10) // (parts * 20) / 10 if parts else None
    return row
