"""`charges`: who is charged with which slip days of a task, against either baseline, as known at each position."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledger.attribution import AFFECTS_CHARGES, Attribution, Epoch, Place, attribute_both
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
    """Its rows that are known now, by table and key, and where the records lie that they rest on."""

    places: tuple[Place, ...] = ()
    rows: dict[tuple[Table, Values], Values] = {}  # frozen: a step makes a new one


class Charges(Projection):
    """The charges follow from all events of a task, so its rows are worked out anew; only differences are written."""

    name = "charges"
    version = 1
    stream_kind = "task"
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
        changes = Changes.none()
        after = step.after
        if after is None:
            return state, changes
        more = step.records[len(state.places) :]
        places = (*state.places, *(Place(each.position, local_day(each.recorded_at, self._zone)) for each in more))
        attribution = attribute_both(after, places)
        rows = {(table, table.key_of(row)): row for table, row in _rows(after.code, attribution)}
        for (table, key), row in state.rows.items():
            changes.replace(table, row, rows.get((table, key)))
        for (table, key), row in rows.items():
            if (table, key) not in state.rows:
                changes.replace(table, None, row)
        return ChargeRows(places, rows), changes


def _rows(task: str, attribution: Attribution) -> Iterator[tuple[Table, Values]]:
    if attribution.active is attribution.original:
        yield from _rows_of(task, BOTH, attribution.active)
    else:
        yield from _rows_of(task, "active", attribution.active)
        yield from _rows_of(task, "original", attribution.original)


def _rows_of(task: str, kind: str, epochs: tuple[Epoch, ...]) -> Iterator[tuple[Table, Values]]:
    for epoch in epochs:
        yield (
            EPOCH,
            (task, kind, epoch.on_from, epoch.on_to, due(epoch.baseline), json_text(epoch.baseline)),
        )
        for run in epoch.runs:
            yield (
                CHARGE,
                (
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
                    list(run.evidence),
                    json_text(run.concurrent),
                ),
            )
