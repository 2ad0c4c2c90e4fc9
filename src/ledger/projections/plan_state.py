"""`plan_state`: each task as it stands on each day, and as it was known to stand at each position."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import (
    BlockerConfirmed,
    BlockerRaised,
    BlockerRejected,
    BlockerResolved,
    CoordinatingSet,
    Event,
    ExtensionRefused,
    ExtensionRequested,
    OfficerNamed,
    ProgressReported,
    RecordRetracted,
)
from ledger.domain.task import Situation, Task
from ledger.domain.values import Deadline
from ledger.projections.base import Changes, Projection, Step, Table, Values, events_of
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
    key=("task", "day", "version"),
    key_types=("text", "date", "integer"),
    columns=("task", "day", "version", "percent", "reported_on"),
)


class PlanStateRuns(Struct, frozen=True):
    """The rows of one task that are known now, but for its progress: of that each record tells by itself."""

    standing: Runs = ()
    situation: Runs = ()


class PlanState(Projection):
    """What is counted is kept apart, in narrow rows, and so is progress, which most records are about.

    Progress is a row a report and not a row a run of days, because nothing but the next report or a retraction changes
    it: the percentage on a day is that of the last report in effect by then.
    """

    name = "plan_state"
    version = 1
    stream_kind = "task"
    of_task = True
    reads = events_of("task")
    tables = (STANDING, SITUATION, PROGRESS)
    ddl = "plan_state.sql"

    def initial(self) -> PlanStateRuns:
        """No rows."""
        return PlanStateRuns()

    def apply(self, state: PlanStateRuns, step: Step) -> tuple[PlanStateRuns, Changes]:
        """The task's rows are worked out anew from the first day that the record touches."""
        changes = Changes()
        event, before, after = step.record.event, step.before, step.after
        if after is None:
            return state, changes
        if isinstance(event.data, ProgressReported):
            if event.version not in after.retracted:
                changes.opened.append((PROGRESS, _progress_row(after, event, event.data)))
            return state, changes
        if isinstance(event.data, RecordRetracted) and before is not None:
            retracted = step.records[event.data.version - 1].event
            if isinstance(retracted.data, ProgressReported) and retracted.version not in before.retracted:
                changes.closed.append((PROGRESS, PROGRESS.key_of(_progress_row(after, retracted, retracted.data))))
        return PlanStateRuns(
            advance(_STANDING, state.standing, step, changes),
            advance(_SITUATION, state.situation, step, changes),
        ), changes

    def resume(self, step: Step) -> PlanStateRuns:
        """The task's rows after all its records."""
        segments = step.after.segments if step.after is not None else ()
        return PlanStateRuns(_STANDING.runs(segments), _SITUATION.runs(segments))


_encode = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """The value as JSON. Columns of it are text, but for those that are searched in: jsonb costs more than the row."""
    return _encode(value).decode()


def due(deadline: Deadline | None) -> Any:
    """The last day in time, or None."""
    return deadline.last_day if deadline is not None else None


def _standing_part(now: Situation) -> tuple[Any, ...]:
    return (
        now.lead,
        now.life,
        now.suspended_by is not None,
        now.start,
        due(now.deadline),
        now.submitted_on,
        due(now.submitted_against),
        now.ends_before_start,
        now.plan_items,
    )


def _standing_values(part: tuple[Any, ...]) -> Values:
    return (*part[:-1], json_text(part[-1]))


def _situation_part(now: Situation) -> Situation:
    return now if now.reported_on is None else replace(now, percent=None, reported_on=None)


def _situation_values(now: Situation) -> Values:
    return (
        now.lead,
        now.life,
        now.suspended_by is not None,
        now.start,
        due(now.deadline),
        json_text(now.plan_items),
        json_text(now),
    )


def _progress_row(task: Task, event: Event, data: ProgressReported) -> Values:
    day = event.day
    return (task.code, max(day, task.assigned_on), event.version, data.percent, day)


_ALL = events_of("task")
_STANDING = Aspect(
    STANDING,
    _standing_part,
    _standing_values,
    _ALL
    - {
        BlockerConfirmed,
        BlockerRaised,
        BlockerRejected,
        BlockerResolved,
        CoordinatingSet,
        ExtensionRefused,
        ExtensionRequested,
        OfficerNamed,
        ProgressReported,
    },
)
_SITUATION = Aspect(SITUATION, _situation_part, _situation_values, _ALL - {ProgressReported})
