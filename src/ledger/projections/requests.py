"""`requests`: what was asked on a task and has an answer or waits for one: reviews of results, and extensions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import (
    DeadlineBroughtForward,
    DeadlineExtended,
    Event,
    EventData,
    ExtensionRefused,
    ExtensionRequested,
    LeadReassigned,
    Rebaselined,
    RecordRetracted,
    ResultAccepted,
    ResultReturned,
    ResultSubmitted,
    TaskCancelled,
    TaskReopened,
)
from ledger.domain.task import Situation, Task, walk
from ledger.projections.base import Changes, Projection, Step, Table, Values
from ledger.projections.rows import Answer, RequestRow

REQUEST = Table(
    "request",
    key=("task", "version"),
    key_types=("text", "integer"),
    columns=("task", "version", "kind", "lead", "asked_by", "asked_of", "asked_on", "answered_on", "answer"),
)

_ENDS: dict[type, Answer] = {ResultAccepted: "accepted", ResultReturned: "returned", TaskCancelled: "cancelled"}
"""What ends a review; anything else that does has replaced it."""
_SETTING: frozenset[type[EventData]] = frozenset({DeadlineBroughtForward, LeadReassigned, Rebaselined, TaskReopened})
"""What neither asks nor answers, and tells what the asking and answering that came after it amount to."""
_READS: frozenset[type[EventData]] = _SETTING | {
    DeadlineExtended,
    ExtensionRefused,
    ExtensionRequested,
    RecordRetracted,
    ResultAccepted,
    ResultReturned,
    ResultSubmitted,
    TaskCancelled,
}


class Requests(Projection):
    """A backdated record or a retraction can change who answered what: the task's rows are then worked out anew."""

    name = "requests"
    version = 1
    stream_kind = "task"
    of_task = True
    reads = _READS
    tables = (REQUEST,)
    ddl = "requests.sql"

    def initial(self) -> tuple[Values, ...]:
        """No rows."""
        return ()

    def apply(self, state: tuple[Values, ...], step: Step) -> tuple[tuple[Values, ...], Changes]:
        """The rows of the task after the step."""
        changes = Changes()
        event, before, after = step.record.event, step.before, step.after
        if after is None:
            return state, changes
        in_order = before is not None and event.day >= before.latest
        if in_order and _is_setting(event.data):
            return state, changes
        rows = _rows(after)
        changes.replace_all(REQUEST, _by_key(state), _by_key(rows))
        return rows, changes

    def resume(self, step: Step) -> tuple[Values, ...]:
        """The rows of the task after all its records."""
        return _rows(step.after) if step.after is not None else self.initial()


def _is_setting(data: EventData) -> bool:
    """It neither asks nor answers; nor does an extension that nobody had asked for."""
    return type(data) in _SETTING or (isinstance(data, DeadlineExtended) and data.request is None)


def _rows(task: Task) -> tuple[Values, ...]:
    return tuple(map(_values, requests_of(task, _READS)))


def _by_key(rows: Sequence[Values]) -> dict[Values, Values]:
    return {REQUEST.key_of(row): row for row in rows}


def requests_of(task: Task, of: frozenset[type[EventData]] | None = None) -> list[RequestRow]:
    """All that was ever asked on the task, in the order in which it took effect, with the answers known now.

    `of`: the types of events to look at, all by default.
    """
    asking = _Asking(task)
    for event, before, after in walk(task, of):
        if after is not before:
            asking.take(event, before, after)
    return asking.rows


class _Asking(Struct):
    """The rows so far; `review` and `extensions` are the places of those that wait for an answer."""

    task: Task
    rows: list[RequestRow] = []
    review: int | None = None
    extensions: dict[str, int] = {}

    def take(self, event: Event, before: Situation, after: Situation) -> None:
        """One more event that changed something."""
        data, day = event.data, max(event.day, self.task.assigned_on)
        submits = isinstance(data, ResultSubmitted)
        if self.review is not None and (submits or after.life != "submitted"):
            self.answer(self.review, day, _ENDS.get(type(data), "replaced"))
            self.review = None
        if isinstance(data, ResultSubmitted):
            self.review = len(self.rows)
            self.rows.append(self.row(event, day, before.lead, data.reviewer))
        elif isinstance(data, ExtensionRequested):
            self.extensions[data.request] = len(self.rows)
            self.rows.append(self.row(event, day, before.lead, None))
        elif isinstance(data, ExtensionRefused | DeadlineExtended) and data.request in self.extensions:
            granted = isinstance(data, DeadlineExtended)
            self.answer(self.extensions.pop(data.request), day, "granted" if granted else "refused")

    def row(self, event: Event, day: dt.date, lead: str, asked_of: str | None) -> RequestRow:
        """The row of what is asked now; only a review is asked of a unit that is named."""
        kind: Literal["review", "extension"] = "extension" if asked_of is None else "review"
        return RequestRow(self.task.code, event.version, kind, lead, event.actor.unit, asked_of, day)

    def answer(self, place: int, day: dt.date, answer: Answer) -> None:
        """What was asked there has this answer."""
        self.rows[place] = replace(self.rows[place], answered_on=day, answer=answer)


_values: Callable[[RequestRow], Values] = attrgetter(*REQUEST.columns)
