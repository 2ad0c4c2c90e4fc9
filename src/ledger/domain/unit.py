"""The unit aggregate: an organisation with a name and a place in the tree, which can be renamed, moved and merged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.events import Event
from ledger.domain.rules import Known, Moment, check_moment, check_references
from ledger.errors import Refused


class UnitSituation(Struct, frozen=True):
    """A unit from the end of local day `since` on."""

    since: dt.date
    name: str
    kind: Literal["internal", "external"]
    parent: str | None
    merged_into: str | None = None


class Unit(Struct, frozen=True):
    """All that is known of a unit; `segments` run in the order in which things happened."""

    code: str
    events: tuple[Event, ...]
    segments: tuple[UnitSituation, ...]

    @property
    def version(self) -> int:
        """The version of the last event recorded."""
        return len(self.events)

    def situation(self, on: dt.date) -> UnitSituation | None:
        """The unit at the end of local day `on`, or None before it was registered."""
        return next((s for s in reversed(self.segments) if s.since <= on), None)


def fold(code: str, events: Iterable[Event]) -> Unit | None:
    """The unit after all `events` of its stream, in version order; None when there are none."""
    unit: Unit | None = None
    for event in events:
        unit = evolve(unit, event, code)
    return unit


def evolve(unit: Unit | None, event: Event, code: str) -> Unit:
    """The unit after one more event of its stream; events take effect by local day, then by version."""
    events = (event,) if unit is None else (*unit.events, event)
    first, *rest = events
    if not isinstance(first.data, ev.UnitRegistered):
        raise TypeError(f"stream {first.stream} begins with {first.type}, not with unit.registered")
    now = UnitSituation(first.day, first.data.name, first.data.kind, first.data.parent)
    segments = [now]
    for later in sorted(rest, key=lambda e: (max(e.day, first.day), e.version)):
        since = max(later.day, first.day)
        match later.data:
            case ev.UnitRenamed(name=name):
                now = replace(now, since=since, name=name)
            case ev.UnitMoved(parent=parent):
                now = replace(now, since=since, parent=parent)
            case ev.UnitMerged(into=into):
                now = replace(now, since=since, merged_into=into)
        if segments[-1].since == since:
            segments.pop()
        segments.append(now)
    return Unit(code, events, tuple(segments))


def decide(
    unit: Unit | None, code: str, command: cmd.UnitCommand, moment: Moment, known: Known
) -> tuple[ev.EventData, ...]:
    """The events that record the command; raises `Refused`, naming the field, when it may not be recorded.

    A unit may register itself, so that the first of a ledger has somebody to act for it.
    """
    check_moment(moment)
    if isinstance(command, cmd.RegisterUnit):
        if unit is not None:
            raise Refused("unit_exists", "unit", f"unit {code} is already registered")
        if moment.acting_unit != code:
            check_references(command, moment, known)
        elif command.parent is not None and command.parent not in known.units:
            raise Refused("unknown_unit", "data.parent", f"unit {command.parent} is not registered")
        return (ev.UnitRegistered(name=command.name, kind=command.kind, parent=command.parent),)
    if unit is None:
        raise Refused("unknown_unit", "unit", f"unit {code} is not registered")
    check_references(command, moment, known)
    now = unit.situation(moment.day)
    if now is None:
        raise Refused("before_registration", "effective_at", f"unit {code} was registered after {moment.day}")
    if now.merged_into is not None:
        raise Refused("unit_merged", "unit", f"unit {code} was merged into {now.merged_into}")
    match command:
        case cmd.RenameUnit(name=name, reason=reason):
            return (ev.UnitRenamed(name=name, reason=reason),)
        case cmd.MoveUnit(parent=parent, reason=reason):
            until = min((e.day for e in unit.events if e.day > moment.day and _takes_away(e)), default=dt.date.max)
            if parent is not None:
                _check_no_circle(code, parent, "data.parent", moment.day, until, known.units)
            return (ev.UnitMoved(parent=parent, reason=reason),)
        case cmd.MergeUnit(into=into, reason=reason):
            if into == code:
                raise Refused("own_successor", "data.into", "a unit cannot be merged into itself")
            last = unit.segments[-1]
            if last.merged_into is not None:
                raise Refused(
                    "unit_merged", "unit", f"unit {code} was merged into {last.merged_into} after {moment.day}"
                )
            _check_no_circle(code, into, "data.into", moment.day, dt.date.max, known.units)
            return (ev.UnitMerged(into=into, reason=reason),)


def _takes_away(event: Event) -> bool:
    """The event ends the unit's place under its parent."""
    return isinstance(event.data, (ev.UnitMoved, ev.UnitMerged))


def _check_no_circle(
    code: str, target: str, field: str, first: dt.date, until: dt.date, units: Mapping[str, Unit]
) -> None:
    """On no day from `first` to before `until` does `target` lie under `code`; raises `Refused` otherwise.

    A unit lies under its parent, and a merged one under its successor. Only a backdated record has days to look at
    besides the first: those on which some unit changed since.
    """
    changes = {s.since for unit in units.values() for s in unit.segments if first < s.since < until}
    for day in (first, *sorted(changes)):
        seen: set[str] = set()
        at: str | None = target
        while at is not None and at not in seen:
            if at == code:
                raise Refused("circular_units", field, f"unit {target} lies under unit {code} on {day}")
            seen.add(at)
            found = units.get(at)
            situation = found.situation(day) if found else None
            at = (situation.merged_into or situation.parent) if situation else None
