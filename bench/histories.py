"""Made-up histories to measure with: seeded, realistic in shape, as long as asked for.

Each task reports progress on most working days; some are blocked, extended, reassigned, returned, reopened. Every event
is one that the domain decided, so read models meet what they meet in life.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bench.apart import apart
from ledger.domain import commands as cmd
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.events import Actor, Event, EventData
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Task
from ledger.domain.unit import Unit
from ledger.domain.values import Deadline, Ground
from ledger.errors import Refused
from ledger.services.ids import uuid7
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder
from ledger.store.texts import encode_with_texts

BEGIN = dt.date(2022, 1, 3)
DAYS = 1_000
EVENTS_A_TASK, UNITS = 50, 400
LOCALE = Locale("Asia/Ho_Chi_Minh", "VN")
_TEXT = "Work goes on as planned; the data of two districts were checked and one correction was sent back. "


class Generator:
    """A portfolio of `tasks` tasks led by `units` units, with about `events` events in all."""

    def __init__(self, tasks_: int, units_: int, events: int, seed: int = 57) -> None:
        self._random = random.Random(seed)
        self._tasks = tasks_
        self._per_task = max(events // max(tasks_, 1), 3)
        self._codes = [f"unit-{number:03d}" for number in range(units_)]
        self._known = Known({}, {})

    def appends(self) -> list[Append]:
        """Appends of one event each, in order of the time at which an older system recorded them."""
        return [replace(append, history=at) for append, at in self._in_order((*self._units(), *self._all_tasks()))]

    def in_cohorts(self, tasks: int = 1_000) -> Iterator[list[Append]]:
        """The same for now and not from an older system, the tasks one cohort after the other.

        For histories that do not fit into memory at once.
        """
        yield [append for append, _ in self._in_order(self._units())]
        for first in range(0, self._tasks, tasks):
            numbers = range(first, min(first + tasks, self._tasks))
            events = (each for number in numbers for each in self._task(f"T{number:06d}"))
            yield [append for append, _ in self._in_order(events)]

    def _in_order(self, events: Iterable[tuple[Event, int]]) -> Iterator[tuple[Append, int]]:
        for event, at in sorted(events, key=lambda each: each[1]):
            _, encoded, texts = encode_with_texts(event, lambda _: self._random.randbytes(16))
            yield Append(event.stream, event.version - 1, (encoded,), texts=(texts,)), at

    def _units(self) -> Iterator[tuple[Event, int]]:
        known: dict[str, Unit] = {}
        for index, code in enumerate(self._codes):
            parent = self._codes[(index - 1) // 8] if index else None
            command = cmd.RegisterUnit(name=f"Unit {index}", kind="internal", parent=parent)
            moment = Moment(code if not index else self._codes[0], BEGIN, BEGIN)
            for data in units.decide(None, code, command, moment, Known(known, {})):
                event = self._event(f"unit/{code}", 1, moment, data)
                known[code] = units.evolve(None, event, code)
                yield event, _microseconds(BEGIN, index)
        self._known = Known(known, {})

    def _all_tasks(self) -> Iterator[tuple[Event, int]]:
        for number in range(self._tasks):
            yield from self._task(f"T{number:06d}")

    def _task(self, code: str) -> Iterator[tuple[Event, int]]:
        rng = self._random
        day = BEGIN + dt.timedelta(days=rng.randrange(DAYS - 400))
        length = rng.randrange(30, 200)
        lead, authority = rng.choice(self._codes), self._codes[0]
        state: Task | None = None
        deadline = day + dt.timedelta(days=length)
        step = max((length + 60) // self._per_task, 1)
        assign = cmd.AssignTask(
            title=f"Task {code}", lead=lead, authority=authority, result="Done", deadline=Deadline(deadline)
        )
        percent, blocker, last = 0, 0, 0
        commands: list[cmd.TaskCommand] = [assign]
        for made in range(self._per_task):
            for command in commands:
                recorded = day + dt.timedelta(days=rng.choice((0, 0, 0, 0, 1, 3)) if made else 0)
                moment = Moment(lead, day, recorded)
                try:
                    decided = tasks.decide(state, code, command, moment, self._known)
                except Refused:
                    continue  # such as a report on a task that is closed meanwhile
                for data in decided:
                    event = self._event(f"task/{code}", state.version + 1 if state else 1, moment, data)
                    state = tasks.evolve(state, event, code)
                    last = max(last + 1, _microseconds(recorded, rng.randrange(3_600_000_000)))
                    yield event, last
            day += dt.timedelta(days=step)
            percent = min(percent + rng.randrange(0, 4), 99)
            commands, blocker = self._next(made, percent, blocker, deadline, day)

    def _next(
        self, made: int, percent: int, blocker: int, deadline: dt.date, day: dt.date
    ) -> tuple[list[cmd.TaskCommand], int]:
        rng, authority = self._random, self._codes[0]
        roll = rng.random()
        report = cmd.ReportProgress(percent=Decimal(percent), narrative=_TEXT * rng.randrange(1, 3))
        if roll < 0.03:
            owner = rng.choice(self._codes)
            return [cmd.RaiseBlocker(f"b{blocker + 1}", owner, "coordination", "waiting", "meet")], blocker + 1
        if roll < 0.06 and blocker:
            return [cmd.ResolveBlocker(f"b{blocker}")], blocker
        if roll < 0.08:
            later = max(deadline, day) + dt.timedelta(days=rng.randrange(10, 60))
            grounds = (Ground(blocker=f"b{blocker}"),) if blocker else ()
            return [cmd.ExtendDeadline(Deadline(later), grounds, authority, "1/QD")], blocker
        if roll < 0.085:
            return [cmd.ReassignLead(rng.choice(self._codes))], blocker
        if made > self._per_task * 0.8 and roll < 0.3:
            end: cmd.TaskCommand = cmd.AcceptResult() if rng.random() < 0.7 else cmd.ReturnResult("incomplete")
            return [cmd.SubmitResult(authority), end], blocker
        return [report], blocker

    def _event(self, stream: str, version: int, moment: Moment, data: EventData) -> Event:
        return Event(
            actor=Actor(moment.acting_unit, None),
            causation=None,
            correlation=None,
            data=data,
            effective=moment.day.isoformat(),
            id=uuid7(_microseconds(moment.today, 0), self._random.randbytes(10)),
            stream=stream,
            type=data.type_name,
            v=data.schema_version,
            version=version,
        )


def portfolio(events: int) -> Generator:
    """About so many events: 50 a task, by 400 units."""
    return Generator(max(events // EVENTS_A_TASK, 1), UNITS, events)


def recorded(conninfo: str, events: int, *beginnings: tuple[str, int]) -> int:
    """How many events of a portfolio of about so many are in the ledger now, all of them.

    `beginnings`: the first so many of them are in other ledgers too. They were made by a process of its own.
    """
    return apart(_record, conninfo, events, beginnings)


def _record(conninfo: str, events: int, beginnings: Sequence[tuple[str, int]]) -> int:
    appends = portfolio(events).appends()
    for made, count in ((conninfo, len(appends)), *beginnings):
        ledger = Database(made)
        Log(ledger).pin_locale(LOCALE)
        load(LedgerRecorder(ledger).append, appends[:count])
        ledger.close()
    return len(appends)


def load(append: Any, appends: list[Append], size: int = 1_000) -> None:
    """The appends are in the log, in batches of `size`; every one must be recorded."""
    for start in range(0, len(appends), size):
        for answer in append(appends[start : start + size]):
            assert answer.status == "recorded", answer


def _microseconds(day: dt.date, offset: int) -> int:
    return (day.toordinal() - dt.date(1970, 1, 1).toordinal()) * 86_400_000_000 + 8 * 3_600_000_000 + offset
