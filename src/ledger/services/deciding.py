"""From a line to the append that it asks for: what is decided, on what, and what it rests on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from ledger.domain import calendar as calendars
from ledger.domain import commands as cmd
from ledger.domain import plan as plans
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.events import Actor, Event, EventData
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Task
from ledger.domain.times import effective_text, local_day, microseconds, parse_instant
from ledger.errors import Refused, VersionConflict
from ledger.services.command_line import CommandLine
from ledger.services.directory import evolved
from ledger.services.ids import derived_salt, derived_uuid7, new_salt, uuid7
from ledger.store.append import Append, IdempotencyKey
from ledger.store.texts import encode_with_texts


class History(Struct, frozen=True):
    """That lines come from an older system's file: they carry `recorded_at`, and rest on the import event."""

    import_event: str
    sha256: str
    secret: bytes
    """What only those can work out who have the file; the salts of its texts follow from it."""


class Submission(Struct, frozen=True):
    """A line to handle: what was asked, and on whose word."""

    line: CommandLine
    command: cmd.AnyCommand
    subject: str | None = None
    history: History | None = None
    number: int = 0
    """The line's number in its file, from 1; it goes into the ids of history."""


class Grounds(Struct):
    """What lines are decided on, one after the other: each sees what those before it will do."""

    tasks: dict[str, Task | None]
    """By code: every task that the lines name."""
    known: Known
    directory_end: int | None
    """The position after the last event of `known`; None once that holds what lines before will do."""

    def decide(
        self, submission: Submission, key: IdempotencyKey | None, now: int, zone: ZoneInfo
    ) -> tuple[Append, Task | None]:
        """The append that the line asks for, and the task after it; what the next line is decided on is brought on.

        Raises `Refused` or `VersionConflict`.
        """
        line = submission.line
        kind, code = line.aggregate
        recorded_at = _recorded_at(submission)
        at = now if recorded_at is None else recorded_at
        today = local_day(at, zone)
        effective = effective_text(line.effective_at, zone) if line.effective_at else today.isoformat()
        moment = Moment(line.acting_unit, dt.date.fromisoformat(effective[:10]), today)
        known = self.known
        state: Any = {"task": self.tasks, "unit": known.units, "plan": known.plans, "calendar": known.calendars}[
            kind
        ].get(code)
        version = state.version if state is not None else 0
        if line.expected_version is not None and line.expected_version != version:
            raise VersionConflict(line.stream, line.expected_version, version)
        decided: tuple[EventData, ...] = _DECIDE[kind](state, code, submission.command, moment, known)
        made = [
            encode_with_texts(event, _salts(submission.history, event.id))
            for offset, data in enumerate(decided, 1)
            for event in [_event(submission, data, effective, at, version + offset)]
        ]
        # From here on nobody sees the texts any more: what follows the log knows their references.
        events = [event for event, _, _ in made]
        append = Append(
            line.stream,
            version,
            tuple(encoded for _, encoded, _ in made),
            key,
            recorded_at,
            tuple(texts for _, _, texts in made),
            self.directory_end,
        )
        if kind != "task":
            self.known = evolved(known, events)
            # Where the events of this line will stand, nobody knows yet.
            self.directory_end = None
            return append, None
        task: Task | None = state
        for event in events:
            task = tasks.evolve(task, event, code)
        self.tasks[code] = task
        return append, task


def _recorded_at(submission: Submission) -> int | None:
    given = submission.line.recorded_at
    if submission.history is None:
        if given is not None:
            raise Refused(
                "recorded_at_given", "recorded_at", "the ledger gives it; only an import with --history carries it"
            )
        return None
    instant = parse_instant(given) if given is not None else None
    if instant is None:
        raise Refused("bad_time", "recorded_at", f"{given!r} is not an instant with an offset (RFC 3339)")
    return microseconds(instant)


def _event(submission: Submission, data: EventData, effective: str, at: int, version: int) -> Event:
    line, history = submission.line, submission.history
    event_id = uuid7(at)
    if history is not None:
        event_id = derived_uuid7(at, history.sha256, str(submission.number), str(version))
    return Event(
        actor=Actor(line.acting_unit, submission.subject),
        causation=history.import_event if history else None,
        correlation=line.correlation,
        data=data,
        effective=effective,
        id=event_id,
        stream=line.stream,
        type=data.type_name,
        v=data.schema_version,
        version=version,
    )


def _salts(history: History | None, event: str) -> Callable[[str], bytes]:
    if history is None:
        return lambda _: new_salt()
    secret = history.secret
    return lambda path: derived_salt(secret, event, path)


_DECIDE: dict[str, Any] = {
    "task": tasks.decide,
    "unit": units.decide,
    "plan": plans.decide,
    "calendar": calendars.decide,
}
