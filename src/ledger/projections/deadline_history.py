"""`deadline_history`: every change of a deadline, with who asked, who approved, on what grounds."""

from __future__ import annotations

from msgspec import Struct

from ledger.domain.events import (
    DeadlineBroughtForward,
    DeadlineExtended,
    Event,
    ExtensionRequested,
    Rebaselined,
    RecordRetracted,
)
from ledger.domain.task import Situation, Task, walk
from ledger.projections.base import Changes, Projection, Step, Table, Values
from ledger.projections.plan_state import due, json_text
from ledger.projections.rows import DEADLINE_CHANGE_KINDS

DEADLINE_CHANGE = Table(
    "deadline_change",
    key=("task", "position"),
    key_types=("text", "bigint"),
    columns=(
        "task", "position", "recorded_at", "effective", "day", "kind", "lead", "old_due", "new_due", "old", "new",
        "requester", "approver", "document", "reason", "grounds", "retroactive",
    ),
)  # fmt: skip

_Change = DeadlineExtended | Rebaselined | DeadlineBroughtForward


class DeadlineRows(Struct, frozen=True):
    """Where each record of the task lies in the log, and the rows of the task that are known now, by position."""

    places: tuple[tuple[int, int], ...] = ()
    rows: tuple[Values, ...] = ()


class DeadlineHistory(Projection):
    """A backdated record or a retraction can change what a deadline was moved from: all rows are worked out anew."""

    name = "deadline_history"
    version = 1
    stream_kind = "task"
    tables = (DEADLINE_CHANGE,)
    ddl = "deadline_history.sql"

    def initial(self) -> DeadlineRows:
        """No rows."""
        return DeadlineRows()

    def apply(self, state: DeadlineRows, step: Step) -> tuple[DeadlineRows, Changes]:
        """The rows of the task after the step; most records are not about deadlines and change nothing."""
        changes = Changes.none()
        record, before, after = step.record, step.before, step.after
        places = (*state.places, (record.position, record.recorded_at))
        if after is None:
            return state, changes
        in_order = before is not None and record.event.day >= before.latest
        if in_order and type(record.event.data) not in (*DEADLINE_CHANGE_KINDS, RecordRetracted):
            return DeadlineRows(places, state.rows), changes
        rows = tuple(_rows(after, places))
        held = {row[1]: row for row in state.rows}
        for row in rows:
            changes.replace(DEADLINE_CHANGE, held.pop(row[1], None), row)
        for row in held.values():
            changes.replace(DEADLINE_CHANGE, row, None)
        return DeadlineRows(places, rows), changes


def _rows(task: Task, places: tuple[tuple[int, int], ...]) -> list[Values]:
    requesters: dict[str, str | None] = {}
    found = []
    for event, before, after in walk(task):
        data = event.data
        if isinstance(data, ExtensionRequested):
            requesters[data.request] = event.actor.unit
        elif isinstance(data, _Change) and after is not before:
            request = data.request if isinstance(data, DeadlineExtended) else None
            requester = requesters.get(request) if request is not None else None
            found.append(_row(task.code, event, data, before, after, requester, places[event.version - 1]))
    return found


def _row(
    code: str,
    event: Event,
    data: _Change,
    before: Situation,
    after: Situation,
    requester: str | None,
    place: tuple[int, int],
) -> Values:
    position, recorded_at = place
    return (
        code,
        position,
        recorded_at,
        event.effective,
        event.day,
        DEADLINE_CHANGE_KINDS[type(data)],
        after.lead,
        due(before.deadline),
        due(data.new_deadline),
        json_text(before.deadline),
        json_text(data.new_deadline),
        requester,
        data.approved_by,
        data.document,
        data.reason,
        json_text(data.grounds if isinstance(data, DeadlineExtended) else ()),
        isinstance(data, DeadlineExtended) and data.retroactive,
    )
