"""Rules that hold for commands of every aggregate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from ledger.domain import commands as cmd
from ledger.errors import Refused

if TYPE_CHECKING:
    from ledger.domain.calendar import Calendar
    from ledger.domain.calendars.working_days import WorkingDays
    from ledger.domain.plan import Plan
    from ledger.domain.unit import Unit


class Moment(Struct, frozen=True, gc=False):
    """Who acts, and when: `day` is the local day on which it happened, `today` the one on which it is recorded."""

    acting_unit: str
    day: dt.date
    today: dt.date


class Known(Struct, frozen=True):
    """The units and plans that a command may refer to, and the calendars that stand, by code."""

    units: Mapping[str, Unit]
    plans: Mapping[str, Plan]
    calendars: Mapping[str, Calendar] = {}
    working_days: WorkingDays | None = None
    """By the ledger's own calendar; None where there is none to ask."""


EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(2999, 12, 31)
"""The days that the ledger counts with; a date outside of them is a slip of the pen."""


def check_day(day: dt.date, field: str) -> None:
    """The day lies between 1900 and 2999; raises `Refused` otherwise."""
    if not EARLIEST <= day <= LATEST:
        raise Refused("day_out_of_range", field, f"{day} does not lie between {EARLIEST} and {LATEST}")


def check_moment(moment: Moment) -> None:
    """The effective day is one to count with and not in the future; raises `Refused` otherwise."""
    check_day(moment.day, "effective_at")
    if moment.day > moment.today:
        raise Refused(
            "effective_in_future",
            "effective_at",
            f"{moment.day} lies after {moment.today}, the day of recording: record it when it has happened",
        )


def check_references(command: cmd.AnyCommand, moment: Moment, known: Known) -> None:
    """Every unit and plan item that the command names is known; raises `Refused` with the field otherwise."""
    for field, unit in _named_units(command, moment):
        if unit not in known.units:
            raise Refused("unknown_unit", field, f"unit {unit} is not registered")
    if isinstance(command, cmd.AssignTask):
        for index, cited in enumerate(command.plan_items):
            if cited in command.plan_items[:index]:
                raise Refused(
                    "repeated_item",
                    f"data.plan_items[{index}]",
                    f"item {cited.item} of plan {cited.plan} is cited twice",
                )
            plan = known.plans.get(cited.plan)
            if plan is None:
                raise Refused("unknown_plan", f"data.plan_items[{index}].plan", f"plan {cited.plan} is not adopted yet")
            if all(cited.item not in segment.items for segment in plan.segments):
                raise Refused(
                    "unknown_item", f"data.plan_items[{index}].item", f"plan {cited.plan} has no item {cited.item}"
                )


def _named_units(command: cmd.AnyCommand, moment: Moment) -> Iterator[tuple[str, str]]:
    """(field, unit) for every unit that the command refers to, the acting one first."""
    yield "acting_unit", moment.acting_unit
    for field in ("lead", "authority", "approved_by", "owner", "reviewer", "parent", "into"):
        unit = getattr(command, field, None)
        if unit is not None:
            yield f"data.{field}", unit
    for field in ("coordinating", "units"):
        for index, unit in enumerate(getattr(command, field, ())):
            yield f"data.{field}[{index}]", unit
    for index, ground in enumerate(getattr(command, "grounds", ())):
        for field in ("suspension_by", "predecessor_lead"):
            unit = getattr(ground, field)
            if unit is not None:
                yield f"data.grounds[{index}].{field}", unit
