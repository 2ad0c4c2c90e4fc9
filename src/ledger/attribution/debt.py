"""P5: the days that a ground took before the baseline, and how an extension gives them back.

A debt belongs to the thing that is cited, so however many extensions cite it, each day is given back once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ledger.attribution.covers import Cover
from ledger.attribution.labels import YIELDING, Cause, Concurrent, Label
from ledger.attribution.stretches import Stretch
from ledger.domain.values import Ground

Piece = tuple[int, int, Label]
"""(after, until, label)."""


class Debt(Struct):
    """How many days a ground still has to give, on whose account, and by the word of which events."""

    days: int
    unit: str
    cause: Cause
    ref: str | None
    evidence: set[int]


def debts_of(covers: Iterable[Cover], stretches: Iterable[Stretch], baseline: int) -> dict[Ground, Debt]:
    """The debts of the grounds cited: the days up to and including the baseline whose label was the thing cited."""
    cited = {ground for cover in covers for ground in cover.grounds}
    debts: dict[Ground, Debt] = {}
    if not cited:
        return debts
    for after, until, label in stretches:
        if after >= baseline:
            break
        ground = _ground(label) if label is not None else None
        if label is None or ground is None or ground not in cited:
            continue
        debt = debts.get(ground)
        if debt is None:
            cause: Cause = "lead_tenure" if label.cause == "late" else label.cause
            debt = debts[ground] = Debt(0, label.unit, cause, label.ref, set())
        debt.days += min(until, baseline) - after
        debt.evidence.update(label.evidence)
    return debts


def _ground(label: Label) -> Ground | None:
    """What an extension cites when it rests on days of that label; None when nothing can."""
    match label.cause:
        case "blocker":
            return Ground(blocker=label.ref)
        case "suspension":
            return Ground(suspension_by=label.unit)
        case "late":
            return Ground(predecessor_lead=label.unit)
        case _:
            return None


def spent(after: int, until: int, label: Label, covers: Sequence[Cover], debts: dict[Ground, Debt]) -> Iterator[Piece]:
    """The days after + 1 … until under those covers: what grounds give while they can, then what is left.

    Where nothing covers, or the label does not yield, it has the days. `debts` is brought on: ask for days in order.
    """
    if not covers or label.cause not in YIELDING:
        yield after, until, label
        return
    lost = (Concurrent(label.unit, label.cause, None),) if label.cause == "rework" else ()
    for cover in covers:
        for ground in cover.grounds:
            debt = debts.get(ground)
            days = min(debt.days, until - after) if debt is not None else 0
            if debt is not None and days:
                evidence = (cover.position, *sorted(debt.evidence))
                yield after, after + days, Label(debt.unit, debt.cause, debt.ref, True, evidence, lost)
                debt.days -= days
                after += days
    if after < until:
        if label.cause == "late":
            evidence = (*label.evidence, covers[0].position)
            label = Label(label.unit, "ungrounded_extension", None, False, evidence, label.concurrent)
        yield after, until, label
