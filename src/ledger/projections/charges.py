"""`charges`: who is charged with which slip days of a task, against either baseline, as known at each position."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledger.attribution import AFFECTS_CHARGES, Attribution, Epoch, Place, attribute_both
from ledger.domain.events import Record
from ledger.domain.task import Task
from ledger.domain.times import local_day
from ledger.projections.base import Changes, Projection, Step, Table, Values
from ledger.projections.plan_state import due, json_text

EPOCH = Table(
    "epoch",
    key=("task", "baseline_kind", "on_from"),
    key_types=("text", "text", "date"),
    columns=("task", "baseline_kind", "on_from", "on_to", "baseline_due", "baseline"),
)
CHARGE = Table(
    "charge",
    key=("task", "baseline_kind", "on_from", "day_from"),
    key_types=("text", "text", "date", "date"),
    columns=(
        "task", "baseline_kind", "on_from", "day_from", "on_to", "day_to", "unit", "cause", "ref", "through_ground",
        "evidence", "concurrent",
    ),
)  # fmt: skip

BOTH = "both"
"""The baseline kind of rows that hold against the active and the original baseline alike."""


class ChargeRows(Struct, frozen=True):
    """Its rows that are known now, by key; a step makes a new one."""

    epochs: dict[Values, Values] = {}
    charges: dict[Values, Values] = {}


class Charges(Projection):
    """The charges follow from all events of a task, so its rows are worked out anew; only differences are written."""

    name = "charges"
    version = 1
    stream_kind = "task"
    of_task = True
    reads = AFFECTS_CHARGES
    tables = (EPOCH, CHARGE)
    ddl = "charges.sql"

    def __init__(self, zone: ZoneInfo) -> None:
        """The zone gives the local day on which a record was made."""
        self._zone = zone

    def initial(self) -> ChargeRows:
        """No rows."""
        return ChargeRows()

    def apply(self, state: ChargeRows, step: Step) -> tuple[ChargeRows, Changes]:
        """The task's charges after the step."""
        changes = Changes()
        after = step.after
        if after is None:
            return state, changes
        now = self._rows(after, step.records)
        changes.replace_all(EPOCH, state.epochs, now.epochs)
        changes.replace_all(CHARGE, state.charges, now.charges)
        return now, changes

    def resume(self, step: Step) -> ChargeRows:
        """The task's charges after all its records."""
        return self._rows(step.after, step.records) if step.after is not None else self.initial()

    def _rows(self, task: Task, records: Sequence[Record]) -> ChargeRows:
        rows = ChargeRows({}, {})
        for kind, epochs in _by_kind(attribute_both(task, _PlacesOf(records, self._zone))):
            for epoch in epochs:
                _add(rows, task.code, kind, epoch)
        return rows


class _PlacesOf(Struct, frozen=True):
    """The places of a stream's records."""

    records: Sequence[Record]
    zone: ZoneInfo

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Place:
        record = self.records[index]
        return Place(record.position, _local_day(record.recorded_at, self.zone))


_local_day = lru_cache(maxsize=4_096)(local_day)
"""Of the same few records of a task at each further one."""


def _by_kind(attribution: Attribution) -> tuple[tuple[str, tuple[Epoch, ...]], ...]:
    if attribution.active is attribution.original:
        return ((BOTH, attribution.active),)
    return (("active", attribution.active), ("original", attribution.original))


def _add(rows: ChargeRows, task: str, kind: str, epoch: Epoch) -> None:
    row: Values = (task, kind, epoch.on_from, epoch.on_to, due(epoch.baseline), json_text(epoch.baseline))
    rows.epochs[EPOCH.key_of(row)] = row
    for run in epoch.runs:
        row = (
            task,
            kind,
            epoch.on_from,
            run.day_from,
            epoch.on_to,
            run.day_to,
            run.unit,
            run.cause,
            run.ref,
            run.through_ground,
            f"{{{','.join(map(str, run.evidence))}}}",
            json_text(run.concurrent),
        )
        rows.charges[CHARGE.key_of(row)] = row
