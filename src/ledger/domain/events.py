"""What the ledger records: one frozen type an event, the envelope around it, and its place in the log.

The names and fields are the stored format (docs/entry-format.md): they change only by a new schema version. Fields of
the types `Text`, `TextLine` and `Person` hold references once an event is to be recorded (`domain.texts`).
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import ClassVar, Literal

from msgspec import Struct

from ledger.domain.commands import PlanItem
from ledger.domain.values import (
    Classification,
    Deadline,
    Document,
    Ground,
    Indicator,
    IndicatorValue,
    Person,
    PlanItemRef,
    Priority,
    Text,
    TextLine,
)


class EventData(Struct, frozen=True, kw_only=True, gc=False):
    """The `data` of an event. `type_name` and `schema_version` are what the entry calls `type` and `v`."""

    type_name: ClassVar[str]
    schema_version: ClassVar[int] = 1


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class TaskAssigned(EventData, frozen=True):
    type_name = "task.assigned"
    title: TextLine
    lead: str
    coordinating: tuple[str, ...]
    officer: Person | None
    authority: str
    result: Text | None
    indicators: tuple[Indicator, ...]
    start: dt.date | None
    deadline: Deadline | None
    plan_items: tuple[PlanItemRef, ...]
    priority: Priority
    classification: Classification


class LeadReassigned(EventData, frozen=True):
    type_name = "task.lead-reassigned"
    lead: str
    reason: Text | None


class CoordinatingSet(EventData, frozen=True):
    type_name = "task.coordinating-set"
    units: tuple[str, ...]


class OfficerNamed(EventData, frozen=True):
    type_name = "task.officer-named"
    officer: Person


class ExtensionRequested(EventData, frozen=True):
    type_name = "task.extension-requested"
    request: str
    new_deadline: Deadline
    grounds: tuple[Ground, ...]
    reason: Text | None


class ExtensionRefused(EventData, frozen=True):
    type_name = "task.extension-refused"
    request: str
    reason: Text | None


class DeadlineExtended(EventData, frozen=True):
    type_name = "task.deadline-extended"
    new_deadline: Deadline
    grounds: tuple[Ground, ...]
    approved_by: str
    document: Text | None
    reason: Text | None
    retroactive: bool
    request: str | None


class Rebaselined(EventData, frozen=True):
    type_name = "task.rebaselined"
    new_deadline: Deadline
    approved_by: str
    document: Text | None
    reason: Text | None


class DeadlineBroughtForward(EventData, frozen=True):
    type_name = "task.deadline-brought-forward"
    new_deadline: Deadline
    approved_by: str
    document: Text | None
    reason: Text | None


class ProgressReported(EventData, frozen=True):
    type_name = "task.progress-reported"
    percent: int
    """Basis points, 0-10,000."""
    narrative: Text
    next_steps: Text
    indicators: tuple[IndicatorValue, ...]


class BlockerRaised(EventData, frozen=True):
    type_name = "task.blocker-raised"
    blocker: str
    owner: str
    category: str
    description: Text
    proposal: Text


class BlockerConfirmed(EventData, frozen=True):
    type_name = "task.blocker-confirmed"
    blocker: str
    reason: Text | None


class BlockerRejected(EventData, frozen=True):
    type_name = "task.blocker-rejected"
    blocker: str
    reason: Text | None


class BlockerResolved(EventData, frozen=True):
    type_name = "task.blocker-resolved"
    blocker: str
    reason: Text | None


class ResultSubmitted(EventData, frozen=True):
    type_name = "task.result-submitted"
    reviewer: str
    evidence: tuple[Document, ...]


class ResultReturned(EventData, frozen=True):
    type_name = "task.result-returned"
    reasons: Text


class ResultAccepted(EventData, frozen=True):
    type_name = "task.result-accepted"


class TaskSuspended(EventData, frozen=True):
    type_name = "task.suspended"
    reason: Text | None


class TaskResumed(EventData, frozen=True):
    type_name = "task.resumed"


class TaskCancelled(EventData, frozen=True):
    type_name = "task.cancelled"
    reason: Text | None


class TaskReopened(EventData, frozen=True):
    type_name = "task.reopened"
    cause: Literal["defect", "scope"]
    reason: Text | None


class RecordRetracted(EventData, frozen=True):
    type_name = "task.record-retracted"
    event: str
    version: int
    reason: TextLine


# ── units ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class UnitRegistered(EventData, frozen=True):
    type_name = "unit.registered"
    name: str
    kind: Literal["internal", "external"]
    parent: str | None


class UnitRenamed(EventData, frozen=True):
    type_name = "unit.renamed"
    name: str
    reason: Text | None


class UnitMoved(EventData, frozen=True):
    type_name = "unit.moved"
    parent: str | None
    reason: Text | None


class UnitMerged(EventData, frozen=True):
    type_name = "unit.merged"
    into: str
    reason: Text | None


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class PlanAdopted(EventData, frozen=True):
    type_name = "plan.adopted"
    title: str
    authority: str
    document: Text | None
    items: tuple[PlanItem, ...]


class PlanAmended(EventData, frozen=True):
    type_name = "plan.amended"
    document: Text | None
    reason: Text | None
    items: tuple[PlanItem, ...]
    withdrawn: tuple[str, ...]


# ── calendars ────────────────────────────────────────────────────────────────────────────────────────────────────────


class DayOffDeclared(EventData, frozen=True):
    type_name = "calendar.day-off-declared"
    date: dt.date
    name: str


class WorkingDayDeclared(EventData, frozen=True):
    type_name = "calendar.working-day-declared"
    date: dt.date
    name: str


# ── history brought in from an older system ──────────────────────────────────────────────────────────────────────────


class HistoryImported(EventData, frozen=True):
    """The events up to here that name this one as their causation rest on the word of a file, not of this ledger."""

    type_name = "history.imported"
    file: Document
    lines: int


# ── texts destroyed ──────────────────────────────────────────────────────────────────────────────────────────────────


class ErasedTexts(Struct, frozen=True):
    """Texts of one event that are destroyed, by their paths in it."""

    event: str
    fields: tuple[str, ...]


class TextsErased(EventData, frozen=True):
    """What is destroyed, and on what legal basis; never whose it was."""

    type_name = "texts.erased"
    legal_basis: str
    reason: Text | None
    texts: tuple[ErasedTexts, ...]


# ── the keys of the log ──────────────────────────────────────────────────────────────────────────────────────────────


class KeyRotated(EventData, frozen=True):
    """Another key signs the log's checkpoints from now on, beside the one so far. Keys are C2SP vkeys.

    The signatures, in base 64, are over the statement in `merkle.key_statements`, by the keys that it names.
    """

    type_name = "log.key-rotated"
    old: str
    new: str
    overlap_until: dt.date
    """The day until which both are meant to sign; they do until the old one is retired."""
    old_signature: str | None
    """None when the old private key was lost: then nothing but the operator's word ties the new key to it."""
    new_signature: str


class KeyRetired(EventData, frozen=True):
    """A key signs the log's checkpoints no more; `by` is one that goes on, and the signature is its own."""

    type_name = "log.key-retired"
    key: str
    by: str
    signature: str


EVENT_TYPES: dict[str, type[EventData]] = {cls.type_name: cls for cls in EventData.__subclasses__()}
"""Every event type by the name that entries hold."""


# ── envelope and place ───────────────────────────────────────────────────────────────────────────────────────────────


class Actor(Struct, frozen=True, gc=False):
    """Who acted: the unit, and the person or key that spoke for it (None when the door did not know)."""

    unit: str | None
    subject: Person | None


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """An event as the application writes it: all of the entry but `recorded_at`, which the ledger gives.

    `effective` is a local day (`2025-03-08`) or an instant with the ledger's own offset
    (`2025-03-10T23:59:59+07:00`), so that its first ten characters are the local day and no reader needs a time zone.
    """

    actor: Actor
    causation: str | None
    correlation: str | None
    data: EventData
    effective: str
    id: str
    stream: str
    type: str
    v: int
    version: int

    @property
    def day(self) -> dt.date:
        """The local day on which it happened."""
        return _day(self.effective[:10])


_day = lru_cache(maxsize=16_384)(dt.date.fromisoformat)
"""Asked for many times an event; a log knows few days, so the equal ones are one object."""


def happened_before(effective: str, other: str) -> bool:
    """The one `effective` lies before the other: as instants if both are, else by local day."""
    if len(effective) > len("2025-03-08") < len(other):
        return dt.datetime.fromisoformat(effective) < dt.datetime.fromisoformat(other)
    return effective[:10] < other[:10]


class Record(Struct, frozen=True, gc=False):
    """An event with its place: `position` in the whole log, `recorded_at` in microseconds since 1970, UTC."""

    position: int
    recorded_at: int
    event: Event
