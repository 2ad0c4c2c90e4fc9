"""The permit cases as command lines, on five made-up events of four cases in the same format."""

import importlib.util
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "permits" / "convert.py"
RECEIPT = Path(__file__).parent / "receipt_made_up.csv"

Line = dict[str, Any]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_permits", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


convert = load()


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return list(convert.commands(RECEIPT))


def of_case(lines: list[Line], name: str) -> dict[str, Line]:
    return {line["command"]: line for line in lines if line.get("task") == name}


def local_day(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(ZoneInfo("Europe/Amsterdam")).date().isoformat()


def test_one_task_a_case_in_the_order_of_recording(lines: list[Line]) -> None:
    assert [(line["command"], line["task"]) for line in lines if "task" in line] == [
        ("assign_task", "made-up-1"),
        ("assign_task", "made-up-2"),
        ("submit_result", "made-up-2"),
        ("accept_result", "made-up-2"),
        ("submit_result", "made-up-1"),
        ("accept_result", "made-up-1"),
        ("assign_task", "made-up-3"),
        ("submit_result", "made-up-3"),
        ("accept_result", "made-up-3"),
        ("assign_task", "made-up-4"),
    ]
    recorded = [line["recorded_at"] for line in lines]
    assert recorded == sorted(recorded)


def test_the_office_its_departments_and_their_groups_come_first(lines: list[Line]) -> None:
    assert [(line["unit"], line["data"]["name"], line["data"]["parent"]) for line in lines[:4]] == [
        ("permit-office", "Permit office", None),
        ("customer-contact", "Customer contact", "permit-office"),
        ("general", "General", "permit-office"),
        ("group-9", "Group 9", "general"),
    ]
    assert {line["recorded_at"] for line in lines[:4]} == {"2031-01-06T09:00:00.250000Z"}


def test_a_case_is_led_by_its_group_and_due_on_the_local_day(lines: list[Line]) -> None:
    assert of_case(lines, "made-up-2")["assign_task"] == {
        "command": "assign_task",
        "task": "made-up-2",
        "effective_at": "2031-01-07T00:06:40.010000Z",
        "recorded_at": "2031-01-07T00:06:40.010000Z",
        "acting_unit": "permit-office",
        "data": {
            "title": "Environmental permit application made-up-2",
            "lead": "group-9",
            "officer": "Person02",
            "authority": "permit-office",
            "result": "receipt of the application dealt with",
            "deadline": {"date": "2031-02-10", "kind": "by"},
        },
    }


def test_without_a_group_the_department_leads_and_without_a_name_no_officer_is_given(
    lines: list[Line],
) -> None:
    assert of_case(lines, "made-up-1")["assign_task"]["data"]["lead"] == "general"
    assert of_case(lines, "made-up-4")["assign_task"]["data"]["officer"] is None


def test_the_end_of_the_day_decides_and_not_the_instant(lines: list[Line]) -> None:
    """The end lies fifteen hours after the deadline's instant, on its day."""
    case = of_case(lines, "made-up-2")
    assert local_day(case["submit_result"]["effective_at"]) == case["assign_task"]["data"]["deadline"]["date"]


def test_a_deadline_at_local_midnight_is_that_local_day(lines: list[Line]) -> None:
    """In UTC it is still the day before."""
    assert of_case(lines, "made-up-4")["assign_task"]["data"]["deadline"]["date"] == "2031-09-01"


def test_a_case_without_an_end_stays_open(lines: list[Line]) -> None:
    assert list(of_case(lines, "made-up-4")) == ["assign_task"]


def test_an_end_before_the_start_keeps_its_time_and_is_recorded_with_the_start(lines: list[Line]) -> None:
    case = of_case(lines, "made-up-3")
    start = case["assign_task"]["recorded_at"]
    for kind in ("submit_result", "accept_result"):
        assert case[kind]["recorded_at"] == start
        assert case[kind]["effective_at"] == "2031-06-23T22:00:00.020000Z" < start


def test_the_script_writes_the_same_bytes_each_time(tmp_path: Path, lines: list[Line]) -> None:
    target = tmp_path / "commands.ndjson"
    subprocess.run([sys.executable, SCRIPT, RECEIPT, "-o", target], check=True)
    printed = subprocess.run([sys.executable, SCRIPT, RECEIPT], check=True, capture_output=True).stdout
    assert target.read_bytes() == printed
    assert [json.loads(line) for line in printed.splitlines()] == lines


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2031-06-25 01:06:40.020000+02:00", "", "line 7, column case:startdate: empty"),
        ("2031-09-01 00:00:00+02:00", "soon", "line 7, column case:deadline: "),
        ("2031-09-01 00:00:00+02:00", "2031-09-01", "line 7, column case:deadline: no offset from UTC"),
        ("Person02,2031-01-07", "Person06,2031-01-07", "line 5, column case:responsible: differs"),
        ("case:enddate,", "enddate,", "line 1, column case:enddate: the header has no such column"),
    ],
)
def test_bad_input_is_named_by_file_line_and_column(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = RECEIPT.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "receipt.csv"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(convert.InputError) as caught:
        list(convert.commands(broken))
    assert str(caught.value).startswith(f"{broken}, {message}")
