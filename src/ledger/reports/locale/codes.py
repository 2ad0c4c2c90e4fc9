"""Every code of ours that people read as a word; what is not among them is people's own text, and stays as it is."""

from __future__ import annotations

from typing import get_args

from ledger.attribution import BaselineKind, Cause
from ledger.domain.task import Status
from ledger.domain.values import Classification, Priority

_PARAMETERS = (
    "baseline", "unit", "plan", "task", "units", "successors", "of_the_day", "days", "by", "pillar", "item",
    "since_as_of", "since_on",
)  # fmt: skip
_SUMS = (
    "tasks", "charges", "changes", "later", "earlier", "first_given", "blockers", "slip_days", "overdue", "silent",
    "blocked", "no_lead",
)  # fmt: skip
_CHANGES = (
    "new", "done", "cancelled", "reopened", "reassigned", "moved", "blocked", "unblocked", "slipped",
)  # fmt: skip
_ABSENT = ("erased", "withheld", "altered")
_FLAGS = ("ends_before_start",)
_FACTS = (
    "title", "lead", "coordinating", "officer", "authority", "result", "start", "status", "percent", "suspended_by",
    "reviewer", "submitted_on", "closed_on", "returns", "flags", "original", "deadline", "blocker", "slip", "priority",
    "classification",
)  # fmt: skip

CODES: frozenset[str] = frozenset(
    (
        *get_args(Status),
        *get_args(Cause),
        *get_args(BaselineKind),
        *get_args(Priority),
        *get_args(Classification),
        *_PARAMETERS,
        *_SUMS,
        *_CHANGES,
        *_ABSENT,
        *_FLAGS,
        *_FACTS,
    )
)
"""A new report adds its own here; a test reads them off its rows and totals."""
