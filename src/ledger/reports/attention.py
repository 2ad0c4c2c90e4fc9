"""`attention`: the tasks that somebody must look at, and the parts of plans that nobody leads."""

from collections.abc import Iterator

from ledger.domain import task as tasks
from ledger.projections.rows import Reading, Scope
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.parameters import Parameter
from ledger.reports.plan import above
from ledger.reports.tasks import missed_days, open_blockers

DAYS = Parameter[int]("days", "int", 10, "Silent for so many working days, or blocked for more than so many days.")
REASONS = ("overdue", "silent", "blocked", "no_lead")


class AttentionReport(Report):
    """One row a reason: overdue, silent, long blocked; or a plan's item that no task cites, nor an item below it."""

    name = "attention"
    title = "What needs attention"
    columns = (
        *(Column("reason", "Reason", "word"), Column("code", "Task or item"), Column("title", "Title")),
        *(Column("lead", "Lead"), Column("days", "Days", "number")),
    )
    parameters = (DAYS,)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """A task with several reasons has as many rows, and counts once under `tasks`."""
        rows = [*_tasks(reading, asked.scope, asked.value(DAYS)), *_items(reading, asked.scope)]
        rows.sort(key=lambda row: (REASONS.index(row["reason"]), -(row["days"] or 0), row["code"]))
        total = {reason: sum(row["reason"] == reason for row in rows) for reason in REASONS}
        return Body(rows, {"tasks": len({row["code"] for row in rows if row["lead"]})} | total)


def _tasks(reading: Reading, scope: Scope, days: int) -> Iterator[Row]:
    on, working_days = reading.on, reading.working_days()
    for found in reading.tasks(scope, only_open=True):
        now, row = found.situation, {"code": found.task, "title": found.situation.title, "lead": found.situation.lead}
        if tasks.status(now, on) == "open_overdue" and now.deadline is not None:
            yield {"reason": "overdue"} | row | {"days": (on - now.deadline.last_day).days}
        if (missed := missed_days(now, on, working_days)) is not None and missed >= days:
            yield {"reason": "silent"} | row | {"days": missed}
        if (age := max(((on - b.raised_on).days for b in open_blockers(now)), default=0)) > days:
            yield {"reason": "blocked"} | row | {"days": age}


def _items(reading: Reading, scope: Scope) -> Iterator[Row]:
    if scope.units is not None or scope.task is not None:
        return  # what nobody leads is in no unit's scope
    standing = (row.situation for row in reading.tasks(scope) if row.situation.life != "cancelled")
    cited = {(ref.plan, ref.item) for now in standing for ref in now.plan_items}
    for plan in reading.plans():
        items = {item.code: item for item in plan.items}
        led = {each.code for item in plan.items if (plan.plan, item.code) in cited for each in above(item, items)}
        for item in plan.items if scope.plan in (None, plan.plan) else ():
            if item.code not in led:
                row = {"reason": "no_lead", "code": f"{plan.plan}/{item.code}", "title": item.title}
                yield row | {"lead": None, "days": None}
