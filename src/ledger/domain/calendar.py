"""The calendar aggregate: what was declared of single days of a country, and the working days that follow.

A declaration is a word about the day that it names. It counts for every report that knows of it, whatever day the
report is on, so a report `as_of` an earlier time does not change; of two on the same day, the one recorded last holds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.calendars import base_table, countries
from ledger.domain.calendars.working_days import DayKind, WorkingDays, working_days_of
from ledger.domain.events import Event
from ledger.domain.rules import Known, Moment, check_day, check_moment, check_references
from ledger.errors import Refused

__all__ = ["Calendar", "DayKind", "WorkingDays", "decide", "evolve", "fold", "working_days"]

_COUNTRY = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class Calendar(Struct, frozen=True):
    """All that was declared for a country or part of one, by its ISO 3166 code, over the table that is shipped."""

    code: str
    events: tuple[Event, ...]
    declared: Mapping[dt.date, DayKind]

    @property
    def version(self) -> int:
        """The version of the last event recorded."""
        return len(self.events)


def working_days(code: str, calendar: Calendar | None) -> WorkingDays:
    """The table shipped for the country of that code, with what `calendar` declares; None declares nothing.

    A part of a country (`DE-BY`) has its country's table; its own days are declared. Raises `NotFound` when the code is
    no country's.
    """
    table = base_table(code.partition("-")[0])
    declared = calendar.declared if calendar is not None else {}
    return working_days_of(table.weekend, {**table.exceptions, **declared})


def fold(code: str, events: Iterable[Event]) -> Calendar | None:
    """The calendar after all `events` of its stream, in version order; None when there are none."""
    calendar: Calendar | None = None
    for event in events:
        calendar = evolve(calendar, event, code)
    return calendar


def evolve(calendar: Calendar | None, event: Event, code: str) -> Calendar:
    """The calendar after one more event of its stream."""
    before = calendar if calendar is not None else Calendar(code, (), {})
    events = (*before.events, event)
    match event.data:
        case ev.DayOffDeclared(date=date, name=name):
            return Calendar(code, events, {**before.declared, date: DayKind(working=False, name=name)})
        case ev.WorkingDayDeclared(date=date, name=name):
            return Calendar(code, events, {**before.declared, date: DayKind(working=True, name=name)})
        case _:
            return Calendar(code, events, before.declared)


def decide(
    calendar: Calendar | None, code: str, command: cmd.CalendarCommand, moment: Moment, known: Known
) -> tuple[ev.EventData, ...]:
    """The events that record the command; raises `Refused`, naming the field, when it may not be recorded.

    `calendar` is None when nothing was declared yet: a calendar need not be opened, as every country has one.
    """
    check_moment(moment)
    check_references(command, moment, known)
    if not _COUNTRY.fullmatch(code) or code[:2] not in countries():
        raise Refused("not_a_country", "calendar", f"{code!r} is not a country code (ISO 3166), such as VN")
    check_day(command.date, "data.date")
    working = isinstance(command, cmd.DeclareWorkingDay)
    said = calendar.declared.get(command.date) if calendar is not None else None
    if said == DayKind(working, command.name):
        raise Refused("already_declared", "data.date", f"the same was declared of {command.date} before")
    if working:
        return (ev.WorkingDayDeclared(date=command.date, name=command.name),)
    return (ev.DayOffDeclared(date=command.date, name=command.name),)
