"""From a ledger to paper: every report of one that has everything in it, in every format and language."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from tests.conftest import Database, _fresh
from tests.support.ledgers import ZONE, beginnings, line, opened, record
from typer.testing import CliRunner

from ledger.cli.app import app
from ledger.reports import REPORTS
from ledger.reports.document import Document
from ledger.reports.language import Language
from ledger.reports.locale.codes import CODES
from ledger.reports.writers import WRITERS
from ledger.reports.writers.table import write_table
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.store.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection, _template: str) -> Iterator[Database]:
    """One for all tests here: they only read."""
    yield from _fresh(embedded_server, _maintenance, _template)


@pytest.fixture(scope="module")
def ledger(database: Database) -> Iterator[Ledger]:
    """A late task with a blocker, an extension on its ground, and a result under review."""
    deadline = {"date": "2025-03-10"}
    assigned = {"title": "Sửa đổi Luật Đất đai", "lead": "U1", "authority": "AUTH", "deadline": deadline}
    with opened(database) as opened_ledger:
        record(
            opened_ledger,
            *beginnings(),
            line("assign_task", "T1", 1, **assigned),
            line("assign_task", "T2", 2, **assigned, plan_items=[{"plan": "P1", "item": "A1"}]),
            line("raise_blocker", "T1", 5, unit="U1", blocker="b1", owner="U2", category="data", description="Số liệu"),
            line("raise_blocker", "T1", 6, unit="U1", blocker="b2", owner="EXT", category="funds"),
            line("confirm_blocker", "T1", 7, unit="U2", blocker="b1"),
            line("confirm_blocker", "T1", 8, unit="EXT", blocker="b2"),
            line(
                "extend_deadline", "T1", 9, new_deadline={"date": "2025-03-17"}, grounds=[{"blocker": "b1"}],
                approved_by="AUTH",
            ),
            line("submit_result", "T2", 20, unit="U1", reviewer="REV"),
        )  # fmt: skip
        yield opened_ledger


def documents(ledger: Ledger) -> Iterator[Document]:
    for name in REPORTS:
        yield report(ledger.queries(), ReportRequest(name, on="2025-03-31"))


def test_every_code_that_is_shown_is_known_to_the_catalogues(ledger: Ledger) -> None:
    for document in documents(ledger):
        columns = document.report.columns
        # Before and after a change stands a code, or else a unit, a day or a number, which are shown as they are.
        coded = [c.key for c in columns if c.kind == "word" and c.key not in ("before", "after")]
        words = [row[key] for key in coded for row in document.body.rows if row[key]]
        figures = {**document.body.total, **(document.body.residual or {})}
        beside = figures.keys() - {column.key for column in columns}
        assert {*words, *beside, *document.body.flags} <= CODES, document.report.name


def test_every_report_is_written_in_every_format(ledger: Ledger) -> None:
    for document in documents(ledger):
        for _, write in WRITERS.values():
            assert write(document, "vi")


@pytest.mark.parametrize(
    ("language", "grounds", "cause"),
    [
        ("en", "blocker b1", "EXT: blocker b2"),
        ("vi", "vướng mắc b1", "EXT: vướng mắc b2"),
        ("fr", "obstacle b1", "EXT: obstacle b2"),
    ],
)
def test_grounds_and_concurrent_causes_are_words(ledger: Ledger, language: Language, grounds: str, cause: str) -> None:
    tables = {d.report.name: write_table(d, language, 400).decode() for d in documents(ledger)}
    assert grounds in tables["deadlines"]
    assert cause in tables["slip"]
    assert "{" not in "".join(tables.values())


class Terminal:
    """Standard output that says that it is one."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


@pytest.fixture
def settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DATABASE_URL": database.app, "TIME_ZONE": ZONE, "LANGUAGE": "vi"}.items():
        monkeypatch.setenv(f"LEDGER_{name}", value)


@pytest.mark.usefixtures("ledger", "settings")
class TestTheCommandLine:
    """The setting and the option."""

    def test_the_setting_gives_the_language_and_the_option_another(self) -> None:
        assert "Nhiệm vụ quá hạn" in self.run("report", "overdue", "--on", "2025-03-31")
        assert "Tâches hors délai" in self.run("report", "overdue", "--on", "2025-03-31", "--lang", "fr")

    def test_a_task_is_told_in_the_language_and_json_in_none(self) -> None:
        told = self.run("task", "T1", "--on", "2025-03-31")
        assert "AUTH giao U1 chủ trì, thời hạn đến hết ngày 10/03/2025." in told
        assert "thời hạn hiện hành" in told
        assert "Assigned to U1 by AUTH" in self.run("task", "T1", "--on", "2025-03-31", "--json")

    def test_a_workbook_goes_into_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "báo cáo.xlsx"
        assert self.run("report", "status", "--on", "2025-03-31", "--format", "xlsx", "-o", str(file)) == ""
        assert file.read_bytes().startswith(b"PK")

    def test_pages_are_not_thrown_at_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("ledger.cli.reading.sys", type("sys", (), {"stdout": Terminal(sys.stdout)}))
            ended = CliRunner().invoke(app, ["report", "status", "--format", "pdf"])
        assert ended.exit_code == 2
        assert "is not for a terminal" in ended.output

    @staticmethod
    def run(*arguments: str) -> str:
        ended = CliRunner().invoke(app, list(arguments))
        assert ended.exit_code == 0, ended.output
        return ended.output
