"""The rules once more, by the letter and without arithmetic: for one `on`, from scratch, walking the days one by one.

It shares nothing with `ledger.attribution` but the events. Slow on purpose: every day is worked out by reading all
events again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ledger.attribution import Place
from ledger.domain import events as ev
from ledger.domain.task import Task
from ledger.domain.values import Deadline, Ground

ONE_DAY = dt.timedelta(days=1)


class Fact(NamedTuple):
    """A standing event: the day on which it takes effect, its version, its place."""

    day: dt.date
    version: int
    event: ev.Event
    place: Place
    data: Any
    """The event's own."""


class Cause(NamedTuple):
    """Something that holds on a day, and the positions of the events that began it."""

    unit: str
    cause: str
    ref: str | None
    evidence: frozenset[int]

    @property
    def name(self) -> tuple[str, str, str | None]:
        return self.unit, self.cause, self.ref


class Day(NamedTuple):
    """What is charged with a slip day."""

    unit: str
    cause: str
    ref: str | None
    through_ground: bool
    evidence: tuple[int, ...]
    concurrent: frozenset[tuple[str, str, str | None]]


class Extension(NamedTuple):
    """A change of deadline that covers days."""

    decided: dt.date
    old: dt.date
    new: dt.date
    grounds: tuple[Ground, ...]
    retroactive: bool
    position: int

    def covers(self, day: dt.date) -> bool:
        after = self.old if self.retroactive else max(self.old, self.decided)
        return after < day <= self.new


class Reference:
    """A task as the situation on `on` has it, against one kind of baseline."""

    def __init__(self, task: Task, places: Sequence[Place], kind: str, on: dt.date) -> None:
        assigned = dt.date.fromisoformat(task.events[0].effective[:10])
        facts = sorted(
            Fact(max(assigned, dt.date.fromisoformat(event.effective[:10])), event.version, event, place, event.data)
            for event, place in zip(task.events, places, strict=True)
            if event.version not in task.retracted
        )
        # The assignment comes first whatever its version says of the others' days.
        facts.sort(key=lambda fact: fact.version != 1)
        self.on = on
        self.assigned = assigned
        self.facts = [fact for fact in facts if fact.day <= on]
        self.verdicts = [fact for fact in facts if isinstance(fact.data, (ev.BlockerConfirmed, ev.BlockerRejected))]
        self.authority: str = facts[0].data.authority
        self.baseline: Deadline | None = None
        self.baseline_position = facts[0].place.position
        self.extensions: list[Extension] = []
        self._read_deadlines(kind)

    def _read_deadlines(self, kind: str) -> None:
        deadline: Deadline | None = None
        for fact in self.facts:
            data, position = fact.data, fact.place.position
            if isinstance(data, ev.TaskAssigned):
                deadline = self.baseline = data.deadline
            elif isinstance(data, ev.DeadlineExtended):
                if deadline is not None and data.new_deadline.last_day > deadline.last_day:
                    self._extend(fact, deadline, data.grounds, data.retroactive)
                    deadline = data.new_deadline
            elif isinstance(data, ev.DeadlineBroughtForward):
                if deadline is not None and data.new_deadline.last_day < deadline.last_day:
                    deadline = data.new_deadline
            elif isinstance(data, ev.Rebaselined):
                if kind == "active" or self.baseline is None:
                    self.baseline, self.baseline_position = data.new_deadline, position
                elif deadline is not None:
                    self._extend(fact, deadline, (), retroactive=False)
                deadline = data.new_deadline

    def _extend(self, fact: Fact, old: Deadline, grounds: tuple[Ground, ...], retroactive: bool) -> None:
        self.extensions.append(
            Extension(
                fact.day, old.last_day, fact.data.new_deadline.last_day, grounds, retroactive, fact.place.position
            )
        )

    def causes(self, day: dt.date) -> list[Cause] | None:
        """Everything that holds at 00:00, the first match first, without extensions; None when the task is closed."""
        lead = phase = reviewer = reopener = None
        suspension: Fact | None = None
        lead_fact = phase_fact = self.facts[0]
        for fact in self.facts:
            if fact.day >= day:
                continue
            match fact.data:
                case ev.TaskAssigned() | ev.LeadReassigned():
                    lead, lead_fact = fact.data.lead, fact
                case ev.TaskSuspended() if phase != "closed":
                    suspension = fact
                case ev.TaskResumed():
                    suspension = None
                case ev.ResultSubmitted() if phase != "closed":
                    phase, phase_fact, reviewer = "review", fact, fact.data.reviewer
                case ev.ResultReturned() if phase == "review":
                    phase, phase_fact = "rework", fact
                case ev.ResultAccepted() if phase == "review" and fact.event.day >= phase_fact.event.day:
                    phase, suspension = "closed", None
                case ev.TaskCancelled() if phase != "closed":
                    phase, suspension = "closed", None
                case ev.TaskReopened() if phase == "closed":
                    phase, phase_fact = {"scope": "scope_change", "defect": "rework"}[fact.data.cause], fact
                    reopener = fact.event.actor.unit or self.authority
        assert lead is not None
        if phase == "closed":
            return None
        found = []
        if suspension is not None:
            by = suspension.event.actor.unit or self.authority
            found.append(Cause(by, "suspension", None, frozenset({suspension.place.position})))
        if phase == "review":
            assert reviewer is not None
            found.append(Cause(reviewer, "review", None, frozenset({phase_fact.place.position})))
        found.extend(self.blockers(day))
        if phase == "scope_change":
            assert reopener is not None
            found.append(Cause(reopener, "scope_change", None, frozenset({phase_fact.place.position})))
        if phase == "rework":
            evidence = frozenset({phase_fact.place.position, lead_fact.place.position})
            found.append(Cause(lead, "rework", None, evidence))
        return found or [Cause(lead, "late", None, frozenset({lead_fact.place.position}))]

    def blockers(self, day: dt.date) -> Iterator[Cause]:
        """The blockers open at 00:00: the earliest effective one first, then the smallest id."""
        raised = [fact for fact in self.facts if isinstance(fact.data, ev.BlockerRaised)]
        for fact in sorted(raised, key=lambda f: (f.day, f.data.blocker)):
            code = fact.data.blocker
            verdicts = [v for v in self.verdicts if v.data.blocker == code and (v.day, v.version) > fact[:2]]
            verdict = max(verdicts, default=None)
            evidence = {fact.place.position}
            begins = max(fact.day, fact.place.recorded_on)
            if verdict is not None:
                if isinstance(verdict.data, ev.BlockerRejected):
                    continue
                begins = fact.day
                evidence.add(verdict.place.position)
            ended = any(
                isinstance(f.data, ev.BlockerResolved) and f.data.blocker == code and fact[:2] < f[:2] and f.day < day
                for f in self.facts
            )
            if begins < day and not ended:
                yield Cause(fact.data.owner, "blocker", code, frozenset(evidence))

    def days(self) -> dict[dt.date, Day]:
        """Every slip day up to `on`, with what is charged."""
        if self.baseline is None:
            return {}
        debts: dict[Ground, int] = {}
        resting: dict[Ground, set[int]] = {}
        units: dict[Ground, Cause] = {}
        found = {}
        day = self.assigned + ONE_DAY
        while day <= self.on:
            causes = self.causes(day)
            if causes is not None and day <= self.baseline.last_day:
                first = causes[0]
                cited = {
                    "blocker": Ground(blocker=first.ref),
                    "suspension": Ground(suspension_by=first.unit),
                    "late": Ground(predecessor_lead=first.unit),
                }.get(first.cause)
                if cited is not None:
                    debts[cited] = debts.get(cited, 0) + 1
                    resting.setdefault(cited, set()).update(first.evidence)
                    units.setdefault(cited, first)
            elif causes is not None:
                found[day] = self._charged(day, causes, debts, resting, units)
            day += ONE_DAY
        return found

    def _charged(
        self,
        day: dt.date,
        causes: list[Cause],
        debts: dict[Ground, int],
        resting: dict[Ground, set[int]],
        units: dict[Ground, Cause],
    ) -> Day:
        first, *others = causes
        lost = frozenset(cause.name for cause in others)
        evidence = {self.baseline_position, *first.evidence}
        covering = [extension for extension in self.extensions if extension.covers(day)]
        if first.cause in ("rework", "late"):
            for extension in covering:
                for ground in extension.grounds:
                    if debts.get(ground, 0) > 0:
                        debts[ground] -= 1
                        cited = units[ground]
                        cause = "lead_tenure" if cited.cause == "late" else cited.cause
                        evidence = {self.baseline_position, extension.position, *resting[ground]}
                        lost = frozenset({first.name} if first.cause == "rework" else ())
                        return Day(cited.unit, cause, cited.ref, True, tuple(sorted(evidence)), lost)
            if first.cause == "late" and covering:
                evidence.add(covering[0].position)
                return Day(first.unit, "ungrounded_extension", None, False, tuple(sorted(evidence)), lost)
        return Day(*first.name, False, tuple(sorted(evidence)), lost)
