"""What may be asked of the ledger: one frozen type a command, with the data that DESIGN section 5 names."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from ledger.domain.values import (
    Classification,
    Code,
    Deadline,
    Document,
    Ground,
    Indicator,
    IndicatorValue,
    Line,
    Person,
    PlanItemRef,
    Priority,
    Text,
    TextLine,
    Value,
)


class Command(Struct, frozen=True, forbid_unknown_fields=True, tag_field="command"):
    """The data of one command. Which aggregate it is for, who acts and when stand beside it on the command line."""


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class AssignTask(Command, frozen=True, tag="assign_task"):
    """Make a promise: this unit, this result, by this day. Without a deadline the task counts as not stated."""

    title: TextLine
    lead: Code
    coordinating: tuple[Code, ...] = ()
    officer: Person | None = None
    authority: Code | None = None
    """Who assigned it; the acting unit when not given."""
    result: Text | None = None
    indicators: tuple[Indicator, ...] = ()
    start: dt.date | None = None
    deadline: Deadline | None = None
    plan_items: tuple[PlanItemRef, ...] = ()
    priority: Priority = "normal"
    classification: Classification = "internal"


class ReassignLead(Command, frozen=True, tag="reassign_lead"):
    lead: Code
    reason: Text | None = None


class SetCoordinating(Command, frozen=True, tag="set_coordinating"):
    units: tuple[Code, ...]


class NameOfficer(Command, frozen=True, tag="name_officer"):
    officer: Person


class RequestExtension(Command, frozen=True, tag="request_extension"):
    request: Code
    new_deadline: Deadline
    grounds: tuple[Ground, ...] = ()
    reason: Text | None = None


class RefuseExtension(Command, frozen=True, tag="refuse_extension"):
    request: Code
    reason: Text | None = None


class ExtendDeadline(Command, frozen=True, tag="extend_deadline"):
    new_deadline: Deadline
    grounds: tuple[Ground, ...] = ()
    approved_by: Code | None = None
    """Who approved it; the acting unit when not given."""
    document: Text | None = None
    reason: Text | None = None
    retroactive: bool = False
    request: Code | None = None


class RebaselineTask(Command, frozen=True, tag="rebaseline_task"):
    new_deadline: Deadline
    approved_by: Code | None = None
    document: Text | None = None
    reason: Text | None = None


class BringDeadlineForward(Command, frozen=True, tag="bring_deadline_forward"):
    new_deadline: Deadline
    approved_by: Code | None = None
    document: Text | None = None
    reason: Text | None = None


class ReportProgress(Command, frozen=True, tag="report_progress"):
    percent: Decimal
    narrative: Text = ""
    next_steps: Text = ""
    indicators: tuple[IndicatorValue, ...] = ()


class RaiseBlocker(Command, frozen=True, tag="raise_blocker"):
    blocker: Code
    owner: Code
    category: Line
    description: Text = ""
    proposal: Text = ""


class ConfirmBlocker(Command, frozen=True, tag="confirm_blocker"):
    blocker: Code
    reason: Text | None = None


class RejectBlocker(Command, frozen=True, tag="reject_blocker"):
    blocker: Code
    reason: Text | None = None


class ResolveBlocker(Command, frozen=True, tag="resolve_blocker"):
    blocker: Code
    reason: Text | None = None


class SubmitResult(Command, frozen=True, tag="submit_result"):
    reviewer: Code
    evidence: tuple[Document, ...] = ()


class ReturnResult(Command, frozen=True, tag="return_result"):
    reasons: Text


class AcceptResult(Command, frozen=True, tag="accept_result"):
    pass


class SuspendTask(Command, frozen=True, tag="suspend_task"):
    reason: Text | None = None


class ResumeTask(Command, frozen=True, tag="resume_task"):
    pass


class CancelTask(Command, frozen=True, tag="cancel_task"):
    reason: Text | None = None


class ReopenTask(Command, frozen=True, tag="reopen_task"):
    cause: Literal["defect", "scope"]
    reason: Text | None = None


class RetractRecord(Command, frozen=True, tag="retract_record"):
    """Say that an event was mistaken: it stays, and counts for nothing from now on. Named by its id, or by its
    version in the task's stream.
    """

    reason: TextLine
    event: str | None = None
    version: int | None = None


TaskCommand = (
    AssignTask
    | ReassignLead
    | SetCoordinating
    | NameOfficer
    | RequestExtension
    | RefuseExtension
    | ExtendDeadline
    | RebaselineTask
    | BringDeadlineForward
    | ReportProgress
    | RaiseBlocker
    | ConfirmBlocker
    | RejectBlocker
    | ResolveBlocker
    | SubmitResult
    | ReturnResult
    | AcceptResult
    | SuspendTask
    | ResumeTask
    | CancelTask
    | ReopenTask
    | RetractRecord
)


# ── units ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class RegisterUnit(Command, frozen=True, tag="register_unit"):
    name: Line
    kind: Literal["internal", "external"] = "internal"
    parent: Code | None = None


class RenameUnit(Command, frozen=True, tag="rename_unit"):
    name: Line
    reason: Text | None = None


class MoveUnit(Command, frozen=True, tag="move_unit"):
    parent: Code | None
    reason: Text | None = None


class MergeUnit(Command, frozen=True, tag="merge_unit"):
    into: Code
    reason: Text | None = None


UnitCommand = RegisterUnit | RenameUnit | MoveUnit | MergeUnit


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class PlanItem(Value, frozen=True):
    """A node of a plan: a pillar, a phase, a line."""

    code: Code
    title: Line
    parent: Code | None = None
    phase: Line | None = None


class AdoptPlan(Command, frozen=True, tag="adopt_plan"):
    title: Line
    authority: Code | None = None
    document: Text | None = None
    items: tuple[PlanItem, ...] = ()


class AmendPlan(Command, frozen=True, tag="amend_plan"):
    """Put items in (a known code is replaced) and take items out."""

    document: Text | None = None
    reason: Text | None = None
    items: tuple[PlanItem, ...] = ()
    withdrawn: tuple[Code, ...] = ()


PlanCommand = AdoptPlan | AmendPlan


# ── calendars ────────────────────────────────────────────────────────────────────────────────────────────────────────


class DeclareDayOff(Command, frozen=True, tag="declare_day_off"):
    date: dt.date
    name: Line


class DeclareWorkingDay(Command, frozen=True, tag="declare_working_day"):
    date: dt.date
    name: Line


CalendarCommand = DeclareDayOff | DeclareWorkingDay

AnyCommand = TaskCommand | UnitCommand | PlanCommand | CalendarCommand
