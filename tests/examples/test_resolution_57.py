"""The made-up plan around a ministry's table: its totals are the table's, and the script gives the same bytes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import orjson
import pytest
from tests.conftest import Database
from tests.reports.asking import ask, by
from tests.support.ledgers import opened

from ledger.services.ledger import Ledger

SCRIPT = Path(__file__).parents[2] / "examples" / "resolution-57" / "generate.py"
TABLE = {"on": "2025-11-20", "as_of": "2025-11-20"}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_resolution_57", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


generate = load()


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with the plan as history."""
    file = tmp_path / "commands.ndjson"
    file.write_bytes(b"".join(orjson.dumps(command) + b"\n" for command in generate.commands()))
    with opened(database, "2025-11-25T12:00:00+07:00") as ledger:
        summary = ledger.importer.history(file, lambda _, __: None, lambda _, __: None)
        assert (summary.refused, summary.warnings) == (0, 0)
        yield ledger


def test_the_script_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT)]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    subprocess.run([*command, "-o", str(tmp_path / "out")], check=True)
    assert (tmp_path / "out").read_bytes() == printed
    assert [orjson.loads(line) for line in printed.splitlines()] == list(generate.commands())


def test_six_pillars_in_two_phases_hold_187_tasks() -> None:
    lines = list(generate.commands())
    cited = [line["data"]["plan_items"] for line in lines if line["command"] == "assign_task"]
    assert len(cited) == 187
    assert len({item["item"] for items in cited for item in items}) == 12
    assert Counter(map(len, cited)).keys() == {1, 2}


def test_status_reads_as_the_ministrys_table(ledger: Ledger) -> None:
    total = ask(ledger, "status", **TABLE)["total"]
    assert (total["total"], total["done_on_time"], total["done_late"]) == (187, 41, 17)
    assert (total["open_in_time"], total["open_overdue"], total["not_stated"]) == (119, 0, 10)
    shares = total["percent"]
    assert [shares[key] for key in ("done", "done_on_time", "done_late", "open_in_time", "not_stated")] == [
        *(31.0, 21.9, 9.1, 63.6, 5.3)
    ]


def test_the_rows_of_the_plan_count_some_tasks_twice_and_its_total_none(ledger: Ledger) -> None:
    answer = ask(ledger, "plan", plan="R57", **TABLE)
    assert len(answer["rows"]) == 12
    assert answer["total"]["total"] == 187
    assert sum(row["total"] for row in answer["rows"]) + answer["residual"]["total"] == 187
    assert answer["residual"]["total"] < 0


def test_the_merged_department_is_shown_under_its_successor(ledger: Ledger) -> None:
    today = by(ask(ledger, "status", **TABLE), "unit")
    of_the_day = by(ask(ledger, "status", units="of_the_day", **TABLE), "unit")
    assert "STA" not in today
    assert today["DAT"]["total"] == of_the_day["DAT"]["total"] + of_the_day["STA"]["total"]
    assert "STA" in by(ask(ledger, "status", "2025-06-30", TABLE["as_of"]), "unit")
