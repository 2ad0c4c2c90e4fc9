"""Units that were merged into others: what a unit of its day is called in a report of a later day."""

from __future__ import annotations

from collections.abc import Callable

from ledger.projections.rows import Reading
from ledger.reports.base import Asked
from ledger.reports.parameters import Parameter

SUCCESSORS, OF_THE_DAY = "successors", "of_the_day"
UNITS = Parameter[str](
    "units",
    "choice",
    SUCCESSORS,
    "Show a unit that was merged as its successor on the day asked for, or as the unit of the day.",
    (SUCCESSORS, OF_THE_DAY),
)


def shown_as(reading: Reading, asked: Asked) -> Callable[[str], str]:
    """The unit under which a unit is counted: itself, or what it was merged into by `on`, as far as was known."""
    if asked.value(UNITS) == OF_THE_DAY:
        return str
    into = {row.unit: row.merged_into for row in reading.units() if row.merged_into is not None}

    def successor(unit: str) -> str:
        seen = {unit}
        while (after := into.get(unit)) is not None and after not in seen:
            seen.add(after)
            unit = after
        return unit

    return successor
