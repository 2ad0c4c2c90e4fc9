"""Tasks with a past: built by commands as the ledger takes them, or by events that no command could have made.

Positions run in steps of 3 from 100, so that nothing passes that takes a version or an index for a position.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.attribution import Place
from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain import task as tasks
from ledger.domain import unit as units
from ledger.domain.rules import Known, Moment
from ledger.domain.task import Task
from ledger.domain.unit import Unit

UNITS = ("AUTH", "REV", "EXT", "BCA", "U1", "U2", "U3")


def event_of(data: ev.EventData, stream: str, version: int, unit: str | None, effective: str) -> ev.Event:
    """The event of that version; its id is `<stream>/<version>`."""
    return ev.Event(
        actor=ev.Actor(unit, None),
        causation=None,
        correlation=None,
        data=data,
        effective=effective,
        id=f"{stream}/{version}",
        stream=stream,
        type=data.type_name,
        v=data.schema_version,
        version=version,
    )


def registered(code: str) -> Unit:
    data = ev.UnitRegistered(name=f"Unit {code}", kind="internal", parent=None)
    return units.evolve(None, event_of(data, f"unit/{code}", 1, code, "1990-01-01"), code)


KNOWN = Known({code: registered(code) for code in UNITS}, {})


@dataclass
class History:
    """One task, and the place of each of its events."""

    code: str = "T1"
    known: Known = KNOWN
    places: list[Place] = field(default_factory=list)
    state: Task | None = None

    @property
    def task(self) -> Task:
        assert self.state is not None
        return self.state

    def command(self, command: cmd.TaskCommand, unit: str, effective: str, recorded_on: dt.date | None = None) -> None:
        """The command is put by that unit and recorded on that day (the day it happened, if None).

        Raises `Refused`, and nothing is recorded.
        """
        day = dt.date.fromisoformat(effective[:10])
        moment = Moment(unit, day, recorded_on or day)
        for data in tasks.decide(self.state, self.code, command, moment, self.known):
            self.record(data, unit, effective, recorded_on)

    def record(self, data: ev.EventData, unit: str | None, effective: str, recorded_on: dt.date | None = None) -> None:
        """The event is recorded, whether it could have happened or not."""
        version = len(self.places) + 1
        event = event_of(data, f"task/{self.code}", version, unit, effective)
        self.state = tasks.evolve(self.state, event, self.code)
        self.places.append(Place(97 + 3 * version, recorded_on or event.day))


def position(version: int) -> int:
    """The position of the event of that version in a `History`."""
    return 97 + 3 * version


COMMANDS: Mapping[str, Any] = {str(cls.__struct_config__.tag): cls for cls in cmd.Command.__subclasses__()}
"""Commands by the name they have on a command line."""
