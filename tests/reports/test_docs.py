"""docs/reports.md says what the reports do: their columns and parameters, real samples, and the worked example."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest
from tests.conftest import _fresh
from tests.reports.conftest import EXAMPLES, script_of
from tests.support.ledgers import opened

from ledger.reports import REPORTS, attention
from ledger.reports.writers.table import write_table
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.store.embedded import EmbeddedServer

PAGE = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
SAMPLES = re.findall(r"^```text\n\$ ledger report (.+)\n((?:.*\n)+?)```$", PAGE, re.MULTILINE)
GENERAL = ("as_of", "on", "unit", "plan", "task")


@pytest.fixture(scope="module")
def resolution_57(
    embedded_server: EmbeddedServer,
    _maintenance: psycopg.Connection,
    _template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    """The plan that the samples are taken from; only to be read."""
    script = script_of(EXAMPLES / "resolution-57" / "generate.py")
    file = tmp_path_factory.mktemp("plan") / "commands.ndjson"
    file.write_bytes(b"".join(orjson.dumps(command) + b"\n" for command in script.commands()))
    for database in _fresh(embedded_server, _maintenance, _template):
        with opened(database, "2025-11-25T12:00:00+07:00") as opened_ledger:
            opened_ledger.importer.history(file, lambda _, __: None, lambda _, __: None)
            yield opened_ledger


def section(name: str) -> str:
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", REPORTS)
def test_every_column_and_parameter_is_described(name: str) -> None:
    text = section(name) + section("status") + PAGE.split("\n## status\n")[0]
    # What anybody understands stands in the sample's heading only.
    plain = {"task", "title", "lead", "unit", "officer", "item", "phase", "code", "days", "reason", "plan"}
    for column in REPORTS[name].columns:
        key = column.key.partition(".")[0]
        assert key in plain or f"`{key}`" in text, key
    for parameter in REPORTS[name].parameters:
        assert f"`{parameter.name}`" in text, parameter.name


@pytest.mark.parametrize(("command", "shown"), SAMPLES, ids=[command for command, _ in SAMPLES])
def test_the_samples_are_what_the_reports_say(resolution_57: Ledger, command: str, shown: str) -> None:
    name, *options = shlex.split(command)
    given = {option[2:].replace("-", "_"): value for option, value in zip(options[::2], options[1::2], strict=True)}
    general = {key: given.pop(key) for key in GENERAL if key in given}
    document = report(resolution_57.queries(), ReportRequest(name, parameters=given, **general))  # type: ignore[arg-type]
    said = Counter(write_table(document).decode().split())
    rows = [row for row in shown[shown.index("──") :].splitlines() if not row.startswith(("──", "…"))]
    # Word by word, as where a line breaks depends on the widths of all rows.
    assert Counter(" ".join(rows).split()) <= said


def test_every_report_has_a_sample() -> None:
    assert {command.split()[0] for command, _ in SAMPLES} == REPORTS.keys()


def test_the_worked_example_is_the_module_and_is_short() -> None:
    source = Path(attention.__file__).read_text()
    assert len(source.splitlines()) < 60
    assert f"```python\n{source}```" in PAGE
