"""The acceptance cases of attribution, taken in as history and asked by report, by command line and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests import conftest

from ledger.api.app import create_app
from ledger.reports.writers.json import write_json
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.settings import Settings

CASES = json.loads((Path(__file__).parents[1] / "attribution" / "cases.json").read_text())
ASKED = [(case["id"], query) for case in CASES["cases"] for query in case["queries"]]
_CHARGE = ("unit", "cause", "ref", "through_ground", "calendar_days", "working_days")


@pytest.fixture(scope="module")
def ledger(
    embedded_server: conftest.EmbeddedServer,
    _maintenance: conftest.psycopg.Connection,
    _template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    """A ledger with all cases, from one file; the importer puts it in order of time."""
    file = tmp_path_factory.mktemp("cases") / "cases.ndjson"
    commands = [*CASES["units"], *(command for case in CASES["cases"] for command in case["commands"])]
    file.write_text("".join(json.dumps(command) + "\n" for command in commands))
    for database in conftest._fresh(embedded_server, _maintenance, _template):
        with Ledger(Settings(database_url=database.app)) as opened:
            summary = opened.importer.history(file, lambda _number, _outcome: None, lambda _done, _total: None)
            assert (summary.recorded, summary.refused) == (len(commands), 0)
            yield opened


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> Iterator[TestClient]:
    """The API on it."""
    with TestClient(create_app(ledger)) as opened:
        yield opened


def check(task: dict[str, Any], expected: dict[str, Any]) -> None:
    """The task's slip, charges and status are those expected."""
    found = {
        "calendar_days": task["slip"]["calendar_days"],
        "working_days": task["slip"]["working_days"],
        "charges": [{name: charge[name] for name in _CHARGE} for charge in task["charges"]],
        "status": task["status"],
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("case", "query"), ASKED, ids=lambda value: value if isinstance(value, str) else value["as_of"]
)
def test_each_case_is_charged_as_expected(ledger: Ledger, client: TestClient, case: str, query: dict[str, Any]) -> None:
    asked = {"as_of": query["as_of"], "on": query["on"], "baseline": query["baseline"], "task": case}
    tabled = write_json(report(ledger.queries(), ReportRequest("slip", **asked)))
    replayed = write_json(report(ledger.queries(), ReportRequest("slip", **asked, replay=True)))
    served = client.get("/v1/reports/slip", params=asked).content
    assert tabled == replayed == served
    check(json.loads(tabled)["tasks"][0], query["expect"])
    del asked["task"]
    check(client.get(f"/v1/tasks/{case}/charges", params=asked).json(), query["expect"])
