"""The one cause of a day: what holds at 00:00, in the order of the table P1-P7, and what lost beside it.

P5, an extension with grounds, needs the baseline and is added by `debt`; a label says whether it yields to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Cause = Literal[
    "suspension",
    "review",
    "blocker",
    "scope_change",
    "lead_tenure",
    "rework",
    "ungrounded_extension",
    "late",
]
"""`lead_tenure` is a ground only: the days for which a predecessor led the task."""

Phase = Literal["open", "review", "scope_change", "rework", "closed"]
"""What the task waits for, apart from suspensions and blockers; `open` is the first work on it."""


class Concurrent(Struct, frozen=True):
    """A cause that held on a day and lost it to one with precedence."""

    unit: str
    cause: Cause
    ref: str | None


class Claim(Struct, frozen=True):
    """A cause that holds: the unit it speaks against, and the positions of the events that began it."""

    unit: str
    cause: Cause
    ref: str | None
    evidence: tuple[int, ...]


class Label(Struct, frozen=True):
    """The claim that has the day. `through_ground`: it has it by an extension that rests on it."""

    unit: str
    cause: Cause
    ref: str | None
    through_ground: bool
    evidence: tuple[int, ...]
    concurrent: tuple[Concurrent, ...]


class Standing(Struct, frozen=True):
    """A task at 00:00, blockers aside: each part with the unit it names and the event that began it."""

    phase: Phase
    phase_unit: str
    phase_began: int
    lead: str
    lead_began: int
    suspended_by: str | None
    suspension_began: int


YIELDING: frozenset[Cause] = frozenset({"rework", "late"})
"""P6 and P7: inside an extension the debt of its grounds comes first."""


def label_of(standing: Standing, blockers: Sequence[Claim]) -> Label | None:
    """The day's label by P1-P4, P6 and P7; None while the task is closed.

    `blockers` are the claims of those open, the one with precedence first.
    """
    phase = standing.phase
    if phase == "closed":
        return None
    if phase == "open" and not blockers and standing.suspended_by is None:
        return Label(standing.lead, "late", None, False, (standing.lead_began,), ())
    claims: list[Claim] = []
    if standing.suspended_by is not None:
        claims.append(Claim(standing.suspended_by, "suspension", None, (standing.suspension_began,)))
    if phase == "review":
        claims.append(Claim(standing.phase_unit, "review", None, (standing.phase_began,)))
    claims.extend(blockers)
    if phase == "scope_change":
        claims.append(Claim(standing.phase_unit, "scope_change", None, (standing.phase_began,)))
    elif phase == "rework":
        claims.append(Claim(standing.lead, "rework", None, (standing.lead_began, standing.phase_began)))
    first, *others = claims
    concurrent = tuple(sorted({Concurrent(c.unit, c.cause, c.ref) for c in others}, key=_order)) if others else ()
    return Label(first.unit, first.cause, first.ref, False, first.evidence, concurrent)


def _order(lost: Concurrent) -> tuple[str, str, str]:
    return lost.unit, lost.cause, lost.ref or ""
