"""The units, plans and calendars of the ledger, as the log has them now."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from msgspec.structs import replace

from ledger.domain import calendar as calendars
from ledger.domain import plan as plans
from ledger.domain import unit as units
from ledger.domain.calendar import Calendar, working_days
from ledger.domain.events import Event
from ledger.domain.plan import Plan
from ledger.domain.rules import Known
from ledger.domain.unit import Unit
from ledger.store.log import Log


def evolved(known: Known, events: Iterable[Event]) -> Known:
    """`known` after more events of units, plans and calendars, in order; what was given is not changed."""
    all_units: dict[str, Unit] = dict(known.units)
    all_plans: dict[str, Plan] = dict(known.plans)
    all_calendars: dict[str, Calendar] = dict(known.calendars)
    for event in events:
        kind, _, code = event.stream.partition("/")
        if kind == "unit":
            all_units[code] = units.evolve(all_units.get(code), event, code)
        elif kind == "plan":
            all_plans[code] = plans.evolve(all_plans.get(code), event, code)
        elif kind == "calendar":
            all_calendars[code] = calendars.evolve(all_calendars.get(code), event, code)
    return Known(all_units, all_plans, all_calendars, known.working_days)


class Directory:
    """All of them, folded; they are few, so they are held whole."""

    def __init__(self, log: Log, calendar: str) -> None:
        self._log = log
        self._calendar = calendar
        self._reading = threading.Lock()
        self._held = Known({}, {}, {}, working_days(calendar, None)), 0
        """What is known, and the position after the last event that is in it."""

    def known(self, end: int | None = None) -> Known:
        """With all that lies before the position `end`; by default as new as the log is now.

        One indexed statement, and none when it is at hand.
        """
        return self.known_until(end)[0]

    def known_until(self, end: int | None) -> tuple[Known, int]:
        """`known`, and the position after the last event that is in it; what is at hand for the end 0."""
        held = self._held
        if end is not None and end <= held[1]:
            return held
        with self._reading:
            known, after = self._held
            if end is not None and end <= after:
                return self._held
            records = self._log.directory_records(after)
            if records:
                known = evolved(known, (record.event for record in records))
                counted = working_days(self._calendar, known.calendars.get(self._calendar))
                self._held = replace(known, working_days=counted), records[-1].position + 1
            return self._held
