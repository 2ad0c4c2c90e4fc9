"""`unit_tree`: the units by name and place in the tree, on each day and as known at each position."""

from __future__ import annotations

from ledger.domain import unit as units
from ledger.domain.unit import Unit
from ledger.projections.base import Changes, Projection, Step, Table, events_of
from ledger.projections.day_runs import Runs, diff

UNIT = Table(
    "unit",
    key=("unit", "day_from"),
    key_types=("text", "date"),
    columns=("unit", "day_from", "day_to", "name", "kind", "parent", "merged_into"),
)


class UnitTree(Projection):
    """Units change rarely, so a unit's rows are all worked out anew."""

    name = "unit_tree"
    version = 1
    stream_kind = "unit"
    reads = events_of("unit")
    tables = (UNIT,)
    ddl = "unit_tree.sql"

    def initial(self) -> tuple[Unit | None, Runs]:
        """No unit yet."""
        return None, ()

    def apply(self, state: tuple[Unit | None, Runs], step: Step) -> tuple[tuple[Unit | None, Runs], Changes]:
        """The unit's rows after the step."""
        unit, runs = state
        changes = Changes()
        event = step.record.event
        after = units.evolve(unit, event, event.stream.partition("/")[2])
        return (after, diff(UNIT, after.code, runs, _runs(after), changes)), changes

    def resume(self, step: Step) -> tuple[Unit | None, Runs]:
        """The unit after all its records, with its rows."""
        events = [record.event for record in step.records]
        unit = units.fold(events[0].stream.partition("/")[2], events)
        return unit, _runs(unit) if unit is not None else ()


def _runs(unit: Unit) -> Runs:
    return tuple((s.since, (s.name, s.kind, s.parent, s.merged_into)) for s in unit.segments)
