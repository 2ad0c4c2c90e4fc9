"""`deadline_history`: every change of a deadline, with who asked, who approved, on what grounds."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.events import (
    DeadlineBroughtForward,
    DeadlineExtended,
    Event,
    EventData,
    ExtensionRequested,
    LeadReassigned,
    Rebaselined,
    Record,
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
_READS: frozenset[type[EventData]] = frozenset(
    {*DEADLINE_CHANGE_KINDS, ExtensionRequested, LeadReassigned, RecordRetracted}
)


class DeadlineHistory(Projection):
    """A backdated record or a retraction can change what a deadline was moved from: all rows are worked out anew."""

    name = "deadline_history"
    version = 1
    stream_kind = "task"
    of_task = True
    reads = _READS
    tables = (DEADLINE_CHANGE,)
    ddl = "deadline_history.sql"

    def initial(self) -> tuple[Values, ...]:
        """No rows."""
        return ()

    def apply(self, state: tuple[Values, ...], step: Step) -> tuple[tuple[Values, ...], Changes]:
        """The rows of the task after the step; who led and who asked matter to the changes that came after them."""
        changes = Changes()
        event, before, after = step.record.event, step.before, step.after
        if after is None:
            return state, changes
        in_order = before is not None and event.day >= before.latest
        if in_order and type(event.data) in (ExtensionRequested, LeadReassigned):
            return state, changes
        rows = tuple(_rows(after, step.records))
        changes.replace_all(DEADLINE_CHANGE, _by_key(state), _by_key(rows))
        return rows, changes

    def resume(self, step: Step) -> tuple[Values, ...]:
        """The rows of the task after all its records."""
        return tuple(_rows(step.after, step.records)) if step.after is not None else self.initial()


def _by_key(rows: Sequence[Values]) -> dict[Values, Values]:
    return {DEADLINE_CHANGE.key_of(row): row for row in rows}


def _rows(task: Task, records: Sequence[Record]) -> list[Values]:
    requesters: dict[str, str | None] = {}
    found = []
    for event, before, after in walk(task, _READS):
        data = event.data
        if isinstance(data, ExtensionRequested):
            requesters[data.request] = event.actor.unit
        elif isinstance(data, _Change) and after is not before:
            request = data.request if isinstance(data, DeadlineExtended) else None
            requester = requesters.get(request) if request is not None else None
            found.append(_row(task.code, event, data, before, after, requester, records[event.version - 1]))
    return found


def _row(
    code: str,
    event: Event,
    data: _Change,
    before: Situation,
    after: Situation,
    requester: str | None,
    record: Record,
) -> Values:
    return (
        code,
        record.position,
        record.recorded_at,
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
