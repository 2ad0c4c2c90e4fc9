"""`plan_state`: each task as it stands on each day, and as it was known to stand at each position."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.task import Situation
from ledger.domain.values import Deadline
from ledger.projections.base import Changes, Projection, Step, Table, Values
from ledger.projections.day_runs import Aspect, Runs, advance

STANDING = Table(
    "standing",
    key=("task", "day_from"),
    key_types=("text", "date"),
    columns=(
        "task", "day_from", "day_to", "lead", "life", "suspended", "start", "due", "submitted_on", "submitted_due",
        "ends_before_start", "plan_items",
    ),
)  # fmt: skip
SITUATION = Table(
    "situation",
    key=("task", "day_from"),
    key_types=("text", "date"),
    columns=(
        "task", "day_from", "day_to", "lead", "life", "suspended", "start", "due", "plan_items", "situation",
    ),
)  # fmt: skip
PROGRESS = Table(
    "progress",
    key=("task", "day_from"),
    key_types=("text", "date"),
    columns=("task", "day_from", "day_to", "percent", "reported_on"),
)


class PlanStateRuns(Struct, frozen=True):
    """The rows of one task that are known now."""

    standing: Runs = ()
    situation: Runs = ()
    progress: Runs = ()


class PlanState(Projection):
    """What is counted is kept apart, in narrow rows, and so is progress, which changes most often."""

    name = "plan_state"
    version = 1
    stream_kind = "task"
    tables = (STANDING, SITUATION, PROGRESS)
    ddl = "plan_state.sql"

    def initial(self) -> PlanStateRuns:
        """No rows."""
        return PlanStateRuns()

    def apply(self, state: PlanStateRuns, step: Step) -> tuple[PlanStateRuns, Changes]:
        """The task's rows are worked out anew from the first day that the record touches."""
        changes = Changes.none()
        if step.after is None:
            return state, changes
        return PlanStateRuns(
            advance(_STANDING, state.standing, step.before, step.after, changes),
            advance(_SITUATION, state.situation, step.before, step.after, changes),
            advance(_PROGRESS, state.progress, step.before, step.after, changes),
        ), changes


def json_text(value: Any) -> str:
    """The value as the JSON text that a jsonb column takes."""
    return msgspec.json.encode(value, order="sorted").decode()


def due(deadline: Deadline | None) -> Any:
    """The last day in time, or None."""
    return deadline.last_day if deadline is not None else None


def _standing_values(now: Situation) -> Values:
    return (
        now.lead,
        now.life,
        now.suspended_by is not None,
        now.start,
        due(now.deadline),
        now.submitted_on,
        due(now.submitted_against),
        now.ends_before_start,
        json_text(now.plan_items),
    )


def _situation_values(now: Situation) -> Values:
    return (
        now.lead,
        now.life,
        now.suspended_by is not None,
        now.start,
        due(now.deadline),
        json_text(now.plan_items),
        json_text(replace(now, percent=None, reported_on=None)),
    )


def _progress_values(now: Situation) -> Values:
    return (now.percent, now.reported_on)


def _same_standing(one: Situation, other: Situation) -> bool:
    return (
        one.life == other.life
        and one.lead == other.lead
        and one.suspended_by == other.suspended_by
        and one.start == other.start
        and one.deadline == other.deadline
        and one.submitted_on == other.submitted_on
        and one.submitted_against == other.submitted_against
        and one.ends_before_start == other.ends_before_start
        and one.plan_items == other.plan_items
    )


def _same_situation(one: Situation, other: Situation) -> bool:
    return replace(one, percent=other.percent, reported_on=other.reported_on) == other


def _same_progress(one: Situation, other: Situation) -> bool:
    return one.percent == other.percent and one.reported_on == other.reported_on


_STANDING = Aspect(STANDING, _standing_values, _same_standing)
_SITUATION = Aspect(SITUATION, _situation_values, _same_situation)
_PROGRESS = Aspect(PROGRESS, _progress_values, _same_progress)
