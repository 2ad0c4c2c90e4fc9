"""The acceptance cases: every query of cases.json gives exactly the expected days, charges and status."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ledger.attribution import attribute, charges, epoch_on, slip
from ledger.domain import unit as units
from ledger.domain.calendar import working_days
from ledger.domain.rules import Known, Moment
from ledger.domain.task import status

from .histories import COMMANDS, History, event_of

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
FILE = json.loads((Path(__file__).parent / "cases.json").read_text())
QUERIES = [
    pytest.param(case, query, id=f"{case['id']}-{number}")
    for case in FILE["cases"]
    for number, query in enumerate(case["queries"], 1)
]
VIET_NAM = working_days("VN", None)


def local(text: str) -> str:
    """A day as it is, an instant with the offset of the ledger's zone."""
    return text if len(text) == len("2025-03-10") else dt.datetime.fromisoformat(text).astimezone(ZONE).isoformat()


def known() -> Known:
    """The units of the file, registered by its own commands."""
    found = Known({}, {})
    for line in FILE["units"]:
        day = dt.date.fromisoformat(line["effective_at"])
        command = msgspec.convert(line["data"], COMMANDS[line["command"]])
        (data,) = units.decide(None, line["unit"], command, Moment(line["acting_unit"], day, day), found)
        event = event_of(data, f"unit/{line['unit']}", 1, line["acting_unit"], line["effective_at"])
        found = Known({**found.units, line["unit"]: units.evolve(None, event, line["unit"])}, {})
    return found


KNOWN = known()


def history_of(case: dict[str, Any], as_of: str) -> History:
    """The case's task by the commands that were recorded by then."""
    history = History(case["id"], KNOWN)
    for line in case["commands"]:
        if dt.datetime.fromisoformat(line["recorded_at"]) <= dt.datetime.fromisoformat(as_of):
            recorded_on = dt.date.fromisoformat(local(line["recorded_at"])[:10])
            command = msgspec.convert(line["data"], COMMANDS[line["command"]])
            history.command(command, line["acting_unit"], local(line["effective_at"]), recorded_on)
    return history


@pytest.mark.parametrize(("case", "query"), QUERIES)
def test_query_gives_the_expected_charges(case: dict[str, Any], query: dict[str, Any]) -> None:
    history = history_of(case, query["as_of"])
    on, expect = dt.date.fromisoformat(query["on"]), query["expect"]
    epoch = epoch_on(attribute(history.task, history.places, query["baseline"]), on)
    assert epoch is not None
    found = msgspec.to_builtins(charges(epoch, on, VIET_NAM))
    plain = ("unit", "cause", "ref", "through_ground", "calendar_days", "working_days")
    assert [{key: charge[key] for key in plain} for charge in found] == expect["charges"]
    total = slip(epoch, on, VIET_NAM)
    assert (total.calendar_days, total.working_days) == (expect["calendar_days"], expect["working_days"])
    if "status" in expect:
        situation = history.task.situation(on)
        assert situation is not None
        assert status(situation, on) == expect["status"]


def test_all_nineteen_cases_are_there() -> None:
    assert len(FILE["cases"]) == 19
    assert sum("status" in query["expect"] for case in FILE["cases"] for query in case["queries"]) >= 8


def test_charge_has_the_shape_of_the_json() -> None:
    case = next(case for case in FILE["cases"] if case["id"] == "E4")
    history = history_of(case, "2030-01-01T16:59:59Z")
    on = dt.date(2025, 3, 17)
    (epoch,) = attribute(history.task, history.places, "active")
    assert msgspec.to_builtins(charges(epoch, on, VIET_NAM)) == (
        {
            "unit": "U1",
            "cause": "late",
            "ref": None,
            "through_ground": False,
            "calendar_days": 3,
            "working_days": 1,
            "days": (("2025-03-15", "2025-03-17"),),
            "evidence": (100,),
            "concurrent": (),
        },
        {
            "unit": "U2",
            "cause": "blocker",
            "ref": "b1",
            "through_ground": False,
            "calendar_days": 4,
            "working_days": 4,
            "days": (("2025-03-11", "2025-03-14"),),
            "evidence": (100, 103),
            "concurrent": (),
        },
    )
