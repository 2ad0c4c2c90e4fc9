"""`timeline`: what happened to a task, record by record, with what has been taken back since."""

from __future__ import annotations

from ledger.domain.events import Event, Record, RecordRetracted
from ledger.projections.base import Changes, Projection, Step, Table, Values, events_of
from ledger.projections.plan_state import json_text

TIMELINE = Table(
    "timeline",
    key=("task", "version"),
    key_types=("text", "integer"),
    columns=(
        "task", "version", "position", "recorded_at", "effective", "day", "type", "event", "unit", "subject",
        "data", "retracted_by",
    ),
)  # fmt: skip


class Timeline(Projection):
    """One row a record. Words are for reports, which know the reader's language; the row keeps the facts."""

    name = "timeline"
    version = 1
    stream_kind = "task"
    reads = events_of("task")
    tables = (TIMELINE,)
    ddl = "timeline.sql"

    def initial(self) -> None:
        """Nothing: the records are all that it needs."""

    def apply(self, state: None, step: Step) -> tuple[None, Changes]:
        """The record's row opens; a record that it retracts is shown as such from now on."""
        changes = Changes()
        record = step.record
        changes.opened.append((TIMELINE, _row(record, None)))
        if isinstance(record.event.data, RecordRetracted):
            retracted = step.records[record.event.data.version - 1]
            changes.replace(TIMELINE, _row(retracted, None), _row(retracted, record.event))
        return state, changes

    def resume(self, step: Step) -> None:
        """Nothing."""


def _row(record: Record, retracted_by: Event | None) -> Values:
    event = record.event
    return (
        event.stream[len("task/") :],
        event.version,
        record.position,
        record.recorded_at,
        event.effective,
        event.day,
        event.type,
        event.id,
        event.actor.unit,
        event.actor.subject,
        json_text(event.data),
        retracted_by.version if retracted_by else None,
    )
