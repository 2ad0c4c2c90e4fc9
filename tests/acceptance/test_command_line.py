"""The command line in processes of its own: what a user types, and what he reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.store.test_entry import officer
from tests.support.ledgers import beginnings, line, opened, record
from tests.support.texts import committed

from ledger.projections.base import Changes, Step
from ledger.projections.plan_state import PlanState, PlanStateRuns
from ledger.projections.runner import Runner
from ledger.store.append import Append
from ledger.store.entry import encode_event

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Run:
    """Runs `ledger …` on the test's database."""

    def run(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from ledger.cli import main; main()", *arguments],
            env={**os.environ, "LEDGER_DATABASE_URL": database.app, "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    return run


def lines(*commands: dict[str, object]) -> str:
    """Command lines as a file holds them."""
    return "".join(json.dumps(command) + "\n" for command in commands)


UNIT = {"command": "register_unit", "unit": "U1", "acting_unit": "U1", "data": {"name": "Unit one"}}
TASK = {
    "command": "assign_task",
    "task": "T1",
    "acting_unit": "U1",
    "effective_at": "2025-02-24",
    "data": {"title": "=1+1", "lead": "U1", "result": "A report", "deadline": {"date": "2025-03-10", "kind": "by"}},
}


def test_the_demo_prints_the_status_table_and_who_slipped_most(ledger: Run) -> None:
    first = ledger("demo", "--no-serve")
    again = ledger("demo", "--no-serve")
    assert "sig-node" in first.stdout
    assert "1242" in first.stdout.replace(",", "").replace("\u202f", "")
    assert "slipped most" in first.stdout
    assert again.stdout.splitlines()[3:] == first.stdout.splitlines()[3:]


def test_an_import_reports_faulty_lines_and_records_the_others(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT) + "{not json\n" + lines(TASK | {"data": {"title": "x", "lead": "NOBODY"}}, TASK))
    done = ledger("import", "commands", str(file), "--json", code=1)
    assert json.loads(done.stdout) == {"lines": 4, "recorded": 2, "replayed": 0, "refused": 2, "warnings": 0}
    assert "line 2: " in done.stderr
    assert "line 3: data.lead: unit NOBODY is not registered" in done.stderr
    again = ledger("import", "commands", str(file), "--json", code=1)
    assert json.loads(again.stdout)["replayed"] == 2


def test_a_task_is_shown_with_its_charges_and_timeline(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT, TASK))
    ledger("import", "commands", str(file))
    shown = ledger("task", "T1", "--on", "2025-03-15").stdout
    assert "=1+1" in shown
    assert "5 days, 4 of them worked" in shown
    page = json.loads(ledger("task", "T1", "--on", "2025-03-15", "--json").stdout)
    assert page["slip"] == {"calendar_days": 5, "working_days": 4}
    assert page["charges"][0]["unit"] == "U1"
    assert page["state"]["status"] == "open_overdue"
    replayed = json.loads(ledger("task", "T1", "--on", "2025-03-15", "--json", "--replay").stdout)
    assert replayed | {"as_of": ""} == page | {"as_of": ""}


def test_what_cannot_be_answered_says_why_and_exits_with_2(ledger: Run) -> None:
    assert "there is no task NONE" in ledger("task", "NONE", code=2).stderr
    assert "there is no report none" in ledger("report", "none", code=2).stderr
    assert "as_of" in ledger("report", "status", "--as-of", "20260101", code=2).stderr
    assert "there is no unit NONE" in ledger("report", "status", "--unit", "NONE", code=2).stderr


def test_a_database_that_does_not_answer_exits_with_3(ledger: Run) -> None:
    done = ledger("info", code=3, LEDGER_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert "could not be reached" in done.stderr


def test_csv_marks_what_a_spreadsheet_would_run(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT, TASK))
    ledger("import", "commands", str(file))
    assert "'=1+1" in ledger("report", "overdue", "--format", "csv", "--on", "2025-03-15").stdout


def test_the_zone_is_fixed_with_the_first_event(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT))
    ledger("import", "commands", str(file), LEDGER_TIME_ZONE="Europe/Amsterdam")
    assert json.loads(ledger("info", "--json").stdout)["time_zone"] == "Europe/Amsterdam"
    refused = ledger("info", code=2, LEDGER_TIME_ZONE="Asia/Tokyo")
    assert "LEDGER_TIME_ZONE is Asia/Tokyo" in refused.stderr
    assert "not a time zone" in ledger("info", code=2, LEDGER_TIME_ZONE="Mars/Olympus").stderr


def test_read_models_are_listed_rebuilt_switched_and_rolled_back(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT, TASK))
    ledger("import", "commands", str(file))
    before = ledger("report", "slip", "--on", "2025-03-15", "--as-of", "2099-01-01", "--format", "json").stdout
    assert "no row differs" in ledger("projections", "rebuild", "charges").stdout
    assert "build 2" in ledger("projections", "switch", "charges").stdout
    after = ledger("report", "slip", "--on", "2025-03-15", "--as-of", "2099-01-01", "--format", "json").stdout
    assert after == before
    assert "build 1" in ledger("projections", "rollback", "charges").stdout
    listed = json.loads(ledger("projections", "list", "--json").stdout)
    assert {(row["build"], row["status"]) for row in listed if row["projection"] == "charges"} == {
        (1, "active"),
        (2, "following"),
    }
    assert {(row["behind"], row["lag_seconds"], row["parked"]) for row in listed} == {(0, 0.0, 0)}


def test_read_models_are_rebuilt_together_by_workers(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT, TASK))
    ledger("import", "commands", str(file))
    done = ledger("projections", "rebuild", "--dry-run", "--workers", "2").stdout
    assert done.count("no row differs") == done.count("is dropped") == 7
    ledger("projections", "rebuild", "--workers", "1")
    switched = ledger("projections", "switch", "plan_state", "timeline", "charges").stdout
    assert switched.count("reports read build 2") == 3


def test_what_is_parked_is_shown_and_tried_again(ledger: Run, tmp_path: Path) -> None:
    file = tmp_path / "commands.ndjson"
    file.write_text(lines(UNIT, TASK))
    ledger("import", "commands", str(file))
    assert "nothing is parked" in ledger("projections", "parked").stdout
    assert json.loads(ledger("projections", "parked", "--json").stdout) == []
    assert "nothing is parked" in ledger("projections", "retry").stdout
    assert "no parked stream task/T9" in ledger("projections", "retry", "--stream", "task/T9", code=2).stderr
    assert "plan_state, timeline" in ledger("projections", "retry", "unheard_of", code=2).stderr


_NO_TASK = "TypeError: stream task/BAD begins with task.officer-named, not with task.assigned"


class Broken(PlanState):
    """Fails on two tasks."""

    def apply(self, state: PlanStateRuns, step: Step) -> tuple[PlanStateRuns, Changes]:
        if step.record.event.stream in ("task/T1", "task/T2"):
            raise ZeroDivisionError("a fault of the code")
        return super().apply(state, step)


@pytest.fixture
def parked(database: Database) -> list[dict[str, object]]:
    """T1 and T2 are parked by a product with a fault; and of BAD no task can come, whatever the product."""
    with opened(database) as made:
        assigned = [line("assign_task", code, 1, title=f"Task {code}", lead="U1") for code in ("T1", "T2", "T3")]
        record(made, *beginnings(), *assigned)
        encoded = encode_event(committed(officer("x", stream="task/BAD")))
        made.committer.append([Append("task/BAD", 0, (("task.officer-named", encoded),))])
        broken = tuple(Broken() if each.name == "plan_state" else each for each in made.projections)
        head = Runner(made.database, made.log, broken).catch_up()
    return [
        {"projection": name, "build": 1, "stream": stream, "position": head - before, "error": error}
        for name in ("charges", "deadline_history", "plan_state", "requests")
        for stream, before, error in (
            ("task/BAD", 1, _NO_TASK),
            ("task/T1", 4, "ZeroDivisionError: a fault of the code"),
            ("task/T2", 3, "ZeroDivisionError: a fault of the code"),
        )
        if stream == "task/BAD" or name == "plan_state"
    ]


def as_text(parked: dict[str, object]) -> str:
    return "{projection} build {build}: {stream} is parked at position {position}: {error}".format_map(parked)


def test_streams_that_are_parked_are_shown_and_mended_where_that_is_possible(
    ledger: Run, parked: list[dict[str, object]]
) -> None:
    bad = [each for each in parked if each["stream"] == "task/BAD"]
    t1 = next(each for each in parked if each["stream"] == "task/T1")
    assert json.loads(ledger("projections", "parked", "--json").stdout) == parked
    assert ledger("projections", "parked").stdout.splitlines() == [as_text(each) for each in parked]
    listed = json.loads(ledger("projections", "list", "--json").stdout)
    assert {row["projection"]: row["parked"] for row in listed if row["parked"]} == Counter(
        str(each["projection"]) for each in parked
    )
    assert "there is no task T1" in ledger("task", "T1", code=2).stderr
    assert "Task T3" in ledger("task", "T3").stdout

    one = ledger("projections", "retry", "plan_state", "--stream", "task/T1", "--json")
    assert json.loads(one.stdout) == {"mended": [t1], "parked": []}
    assert "Task T1" in ledger("task", "T1").stdout
    assert "there is no task T2" in ledger("task", "T2", code=2).stderr

    others = ledger("projections", "retry", code=1)
    assert others.stdout.splitlines() == ["plan_state build 1: task/T2 is whole again", *map(as_text, bad)]
    assert "Task T2" in ledger("task", "T2").stdout

    again = ledger("projections", "retry", "requests", "--json", code=1)
    assert json.loads(again.stdout) == {"mended": [], "parked": [bad[-1]]}
    assert json.loads(ledger("projections", "parked", "--json").stdout) == bad
