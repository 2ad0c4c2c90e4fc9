"""What reports and pages read: one frozen type a kind of row, however it was come by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from ledger.attribution import BaselineKind, Epoch
from ledger.domain.calendar import WorkingDays
from ledger.domain.commands import PlanItem
from ledger.domain.events import DeadlineBroughtForward, DeadlineExtended, EventData, Rebaselined
from ledger.domain.task import Situation, Status
from ledger.domain.values import Deadline, Ground


class Scope(Struct, frozen=True):
    """Which tasks a question is about; None leaves nothing out."""

    units: frozenset[str] | None = None
    """Led by one of these units on the day asked for."""
    plan: str | None = None
    """Citing an item of this plan."""
    task: str | None = None


class Point(Struct, frozen=True):
    """A place on the two clocks: what was known, and the day asked about; and the calendar that counts its days."""

    as_of: int
    """Microseconds since 1970 UTC."""
    position: int
    """How many records were known then."""
    on: dt.date
    calendar: str
    """The country code of the ledger's calendar."""


class TaskRow(Struct, frozen=True):
    """A task at the end of a local day, as known at a position."""

    task: str
    situation: Situation


class StatusCount(Struct, frozen=True):
    """How many tasks led by a unit have a status; how many of them await review, and how many are due.

    Due is what is done, and what is neither done nor cancelled with the last day in time on or before the day.
    """

    lead: str
    status: Status
    tasks: int
    awaiting_review: int
    due: int


DeadlineChangeKind = Literal["extended", "rebaselined", "brought_forward"]
DEADLINE_CHANGE_KINDS: dict[type[EventData], DeadlineChangeKind] = {
    DeadlineExtended: "extended",
    Rebaselined: "rebaselined",
    DeadlineBroughtForward: "brought_forward",
}
"""The events that change a deadline, and the word for what each does."""


class DeadlineChange(Struct, frozen=True):
    """A change of a deadline, with who led the task then."""

    task: str
    position: int
    recorded_at: int
    effective: str
    kind: DeadlineChangeKind
    lead: str
    old: Deadline | None
    new: Deadline
    requester: str | None
    approver: str
    document: str | None
    reason: str | None
    grounds: tuple[Ground, ...]
    retroactive: bool


Answer = Literal["accepted", "returned", "granted", "refused", "cancelled", "replaced"]
"""How a request ended: a review by the reviewer's word, the task's cancellation or another submission."""


class RequestRow(Struct, frozen=True):
    """A review of a result, or an extension, that was asked for; without an answer it waits."""

    task: str
    version: int
    """Of the record that asks."""
    kind: Literal["review", "extension"]
    lead: str
    """Who led the task then."""
    asked_by: str | None
    asked_of: str | None
    """The reviewer."""
    asked_on: dt.date
    answered_on: dt.date | None = None
    answer: Answer | None = None


class TimelineRow(Struct, frozen=True):
    """One record of a task."""

    version: int
    position: int
    recorded_at: int
    effective: str
    type: str
    event: str
    unit: str | None
    subject: str | None
    data: EventData
    retracted_by: int | None
    """The version of the record that took it back."""


class TaskSlip(Struct, frozen=True):
    """A task's slip against a baseline: the epoch that holds on the day, with its runs that begin by then."""

    task: str
    epoch: Epoch


class UnitRow(Struct, frozen=True):
    """A unit on a day."""

    unit: str
    name: str
    kind: str
    parent: str | None
    merged_into: str | None


class PlanRow(Struct, frozen=True):
    """A plan on a day, with its items in its own order."""

    plan: str
    title: str
    authority: str
    items: tuple[PlanItem, ...]


class Reading(Protocol):
    """The ledger at one (position, on): what was known when the log held `position` records, at the end of day `on`.

    Two implementations give equal answers: `ReadModels` from tables, and `Replay` by a plain fold over the log.
    """

    position: int
    on: dt.date
    as_of: int
    """The time that was asked about, in microseconds since 1970 UTC."""

    def at(self, position: int, on: dt.date) -> Reading:
        """The same ledger at another point, which must not know more than this one."""
        ...

    def units(self) -> Sequence[UnitRow]:
        """The units, by code."""
        ...

    def plans(self) -> Sequence[PlanRow]:
        """The plans, by code."""
        ...

    def status_counts(self, scope: Scope) -> Sequence[StatusCount]:
        """By lead and status."""
        ...

    def tasks(
        self,
        scope: Scope,
        *,
        after: str | None = None,
        limit: int | None = None,
        only_open: bool = False,
        only_overdue: bool = False,
    ) -> Sequence[TaskRow]:
        """The tasks by code (in order of code points), from the one behind `after`, at most `limit`.

        Open is what is neither done nor cancelled.
        """
        ...

    def ends_before_start(self, scope: Scope) -> Sequence[str]:
        """The tasks whose result is dated before their start, by code."""
        ...

    def deadline_changes(self, scope: Scope) -> Sequence[DeadlineChange]:
        """In order of position."""
        ...

    def requests(self, scope: Scope) -> Sequence[RequestRow]:
        """Asked for by the day, with the answers given by then; by task and version. A unit's are those of its lead."""
        ...

    def slips(self, scope: Scope, baseline: BaselineKind) -> Sequence[TaskSlip]:
        """The tasks that have slipped by the day, by code."""
        ...

    def slip(self, task: str, baseline: BaselineKind) -> TaskSlip | None:
        """One task, slipped or not; None when it was not assigned by the day."""
        ...

    def working_days(self) -> WorkingDays:
        """The ledger's calendar, with what was declared of its days."""
        ...

    def timeline(self, task: str) -> Sequence[TimelineRow]:
        """The records of a task, in order of version."""
        ...


def subtree(units: Sequence[UnitRow], root: str, *, with_merged: bool = True) -> frozenset[str]:
    """`root` with all units below it, and `with_merged` all that were merged into any of these."""
    below: dict[str, list[str]] = {}
    for row in units:
        for above in (row.parent, row.merged_into if with_merged else None):
            if above is not None:
                below.setdefault(above, []).append(row.unit)
    found: set[str] = set()
    waiting = [root]
    while waiting:
        unit = waiting.pop()
        if unit not in found:
            found.add(unit)
            waiting.extend(below.get(unit, ()))
    return frozenset(found)
