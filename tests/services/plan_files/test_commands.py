"""The commands, as they are typed; those of docs/plan-files.md too."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.conftest import Database
from tests.services.plan_files.books import ROW, plan
from tests.support.ledgers import beginnings, opened, record
from typer.testing import CliRunner

from ledger.cli.app import app
from ledger.domain.values import Deadline
from ledger.services.plan_files.dates import DateError, Order, read_deadline
from ledger.services.plan_files.headings import LANGUAGES, table

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "plan-files.md").read_text("utf-8")
ORDERS: tuple[Order, ...] = ("day_first", "unknown")
Run = Callable[..., Result]


@pytest.fixture
def run(database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database.app)
    monkeypatch.setenv("LEDGER_TIME_ZONE", "Asia/Ho_Chi_Minh")
    monkeypatch.chdir(ROOT)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_commands_of_the_documentation_run(run: Run, tmp_path: Path) -> None:
    said = []
    for command in re.findall(r"^\$ ledger (.*)$", DOCS, re.MULTILINE):
        result = run(*shlex.split(command.replace("plan-form.xlsx", str(tmp_path / "form.xlsx"))))
        assert result.exit_code == 0, result.output
        said.append(result.output)
    assert "6 new, 0 as in the ledger, 0 changes: 6 recorded" in said[0]
    assert "KH-2025-5" in said[1]
    assert "a dry run, so nothing is recorded" in said[1]
    assert "6 tasks for plan KH-2025: 6 recorded, 0 recorded before" in said[2]
    assert "6 tasks for plan KH-2025: 0 recorded, 6 recorded before" in said[3]
    assert (tmp_path / "form.xlsx").stat().st_size > 5_000


def test_a_faulty_file_exits_with_2_and_says_where(run: Run, database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        record(ledger, *beginnings())
    path = plan(tmp_path / "a.xlsx", ROW, (ROW[0], "Unit U", "31/02/2025", "", ROW[4]))
    result = run("import", "plan", path, "--plan", "P2", "--title", "x", "--unit", "AUTH")
    assert result.exit_code == 2
    assert "error: sheet Kế hoạch, row 3, column Thời hạn: '31/02/2025' is impossible" in result.output
    assert "row 3, column Đơn vị chủ trì: there is no unit 'Unit U'; near:" in result.output
    assert "incomplete: the responsibility is missing" in result.output
    assert "the file has errors, so nothing is recorded" in result.output
    result = run("import", "plan", path, "--plan", "P2", "--title", "x", "--unit", "AUTH", "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["faulty"], answer["summary"]) == (2, True, None)
    assert {finding["row"] for finding in answer["findings"]} == {3}
    good = plan(tmp_path / "b.xlsx", ROW)
    result = run("import", "plan", good, "--plan", "P2", "--title", "x", "--unit", "AUTH", "--json")
    answer = json.loads(result.stdout)
    assert answer["summary"] == {"recorded": 1, "replayed": 0, "refused": 0}
    assert answer["tasks"][0]["deadline"] == {"date": "2025-12-31", "kind": "by", "text": "31/12/2025"}


def test_a_file_that_cannot_be_read_exits_with_2(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"hello")
    for command in (["plan", path, "--plan", "P", "--title", "x"], ["units", path]):
        result = run("import", *command, "--unit", "A")
        assert (result.exit_code, "not an .xlsx workbook" in result.output) == (2, True)


def test_units_are_renamed_only_with_update(run: Run, database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        record(ledger, *beginnings())
    path = tmp_path / "u.csv"
    path.write_text("Code,Name,Parent\nU3,Third,U2\n", "utf-8")
    result = run("import", "units", path, "--unit", "AUTH")
    assert "rename (with --update) U3: Unit U3 -> Third" in result.output
    assert "move (with --update) U3: U1 -> U2" in result.output
    assert "0 new, 0 as in the ledger, 2 changes: 0 recorded" in result.output
    result = run("import", "units", path, "--unit", "AUTH", "--update", "--json")
    assert json.loads(result.stdout)["summary"]["recorded"] == 2


def test_the_documentation_has_every_heading_and_word() -> None:
    for form in ("plan", "units"):
        for wordings in table()[form].values():
            assert all(" · ".join(wordings[language]) in DOCS for language in LANGUAGES)
    for values in table()["words"].values():
        for words in values.values():
            assert all(" · ".join(words[language]) in DOCS for language in LANGUAGES)


def _spans(heading: str) -> list[tuple[list[str], str]]:
    """(examples, what stands beside them) of each row of the table below that line."""
    rows = DOCS.split(heading)[1].split("\n\n")[0].strip().splitlines()
    return [(re.findall(r"`([^`]+)`", row.split("|")[1]), row.split("|")[2].strip()) for row in rows]


def _read(text: str, order: Order) -> Deadline | None:
    try:
        return read_deadline(text, order)
    except DateError:
        return None


def test_the_deadlines_of_the_documentation_are_read_so() -> None:
    for texts, meant in _spans("| written | is |\n|---|---|"):
        wanted = read_deadline(meant.split(":")[0], "unknown")
        for text in texts:
            found = [deadline for order in ORDERS if (deadline := _read(text, order))]
            assert found
            assert {(each.date, each.kind) for each in found} == {(wanted.date, wanted.kind)}, text
    for texts, _ in _spans("| written | why |\n|---|---|"):
        assert all(None in [_read(text, order) for order in ORDERS] for text in texts), texts
