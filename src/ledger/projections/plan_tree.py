"""`plan_tree`: the plans with their items, on each day and as known at each position."""

from __future__ import annotations

from ledger.domain import plan as plans
from ledger.domain.plan import Plan
from ledger.projections.base import Changes, Projection, Step, Table, events_of
from ledger.projections.day_runs import Runs, diff
from ledger.projections.plan_state import json_text

PLAN = Table(
    "plan",
    key=("plan", "day_from"),
    key_types=("text", "date"),
    columns=("plan", "day_from", "day_to", "title", "authority", "items"),
)


class PlanTree(Projection):
    """Plans change rarely and are read whole, so a plan's items are one value."""

    name = "plan_tree"
    version = 1
    stream_kind = "plan"
    reads = events_of("plan")
    tables = (PLAN,)
    ddl = "plan_tree.sql"

    def initial(self) -> tuple[Plan | None, Runs]:
        """No plan yet."""
        return None, ()

    def apply(self, state: tuple[Plan | None, Runs], step: Step) -> tuple[tuple[Plan | None, Runs], Changes]:
        """The plan's rows after the step."""
        plan, runs = state
        changes = Changes()
        event = step.record.event
        after = plans.evolve(plan, event, event.stream.partition("/")[2])
        return (after, diff(PLAN, after.code, runs, _runs(after), changes)), changes

    def resume(self, step: Step) -> tuple[Plan | None, Runs]:
        """The plan after all its records, with its rows."""
        events = [record.event for record in step.records]
        plan = plans.fold(events[0].stream.partition("/")[2], events)
        return plan, _runs(plan) if plan is not None else ()


def _runs(plan: Plan) -> Runs:
    return tuple((s.since, (plan.title, plan.authority, json_text(tuple(s.items.values())))) for s in plan.segments)
