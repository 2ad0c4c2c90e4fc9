"""Reports over HTTP: the writers' bytes, in the format that the client wants."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from tests.api.conftest import assigned
from tests.support.ledgers import line, record

from ledger.reports import REPORTS
from ledger.reports.writers import WRITERS
from ledger.reports.writers.json import write_json
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report

AT = {"as_of": "2030-01-01", "on": "2025-03-20"}


@pytest.fixture(autouse=True)
def tasks(ledger: Ledger) -> None:
    """T1 is late and was extended, T2 is led by U2."""
    record(
        ledger,
        assigned("T1"),
        assigned("T2", lead="U2", plan_items=[{"plan": "P1", "item": "A1"}]),
        line("extend_deadline", "T1", 8, new_deadline={"date": "2025-03-15"}, reason="flood"),
    )


def test_the_reports_are_listed(client: TestClient) -> None:
    assert client.get("/v1/reports").json() == {
        "reports": [{"name": name, "title": each.title} for name, each in REPORTS.items()]
    }


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("chosen", ["json", "csv", "table"])
def test_every_report_comes_in_the_writers_bytes(client: TestClient, ledger: Ledger, name: str, chosen: str) -> None:
    answer = client.get(f"/v1/reports/{name}", params=AT | {"format": chosen})
    media_type, write = WRITERS[chosen]
    assert answer.status_code == 200, answer.text
    assert answer.content == write(report(ledger.queries(), ReportRequest(name, **AT)), "en")
    assert answer.headers["Content-Type"] == media_type


def test_a_report_takes_its_scope_and_baseline(client: TestClient, ledger: Ledger) -> None:
    asked = {"baseline": "original", "unit": "U1", "task": "T1"}
    answer = client.get("/v1/reports/slip", params=AT | asked)
    assert answer.content == write_json(report(ledger.queries(), ReportRequest("slip", **AT, **asked)))
    assert answer.json()["parameters"] == asked
    assert answer.json()["tasks"][0]["slip"]["calendar_days"] == 10
    assert client.get("/v1/reports/status", params=AT | {"plan": "P1"}).json()["total"]["total"] == 1


def test_a_report_takes_parameters_of_its_own(client: TestClient, ledger: Ledger) -> None:
    own = {"days": "3"}
    answer = client.get("/v1/reports/due", params=AT | own)
    assert answer.content == write_json(report(ledger.queries(), ReportRequest("due", **AT, parameters=own)))
    assert answer.json()["parameters"] == {"days": 3}


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("status?days=3", "days"),
        ("due?days=few", "days"),
        ("due?days=1&days=2", "days"),
        ("status?baseline=first", "baseline"),
        ("status?format=yaml", "format"),
        ("status?format=", "format"),
        ("status?lang=de", "lang"),
        ("status?as_of=20260101", "as_of"),
        ("status?replay=true", "replay"),
        ("status?name=slip", "name"),
    ],
)
def test_a_parameter_that_cannot_be_taken_is_named(client: TestClient, path: str, parameter: str) -> None:
    answer = client.get(f"/v1/reports/{path}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter), answer.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("weather", "report"), ("status?unit=U9", "unit"), ("slip?task=T9", "task"), ("status?plan=P9", "plan")],
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str, kind: str) -> None:
    answer = client.get(f"/v1/reports/{path}")
    assert (answer.status_code, answer.json()["kind"]) == (404, kind)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("text/plain", "text/plain"),
        ("text/*", "text/plain"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
        ("application/json;q=0, */*;q=0.1", "text/plain"),
        ("text/csv;q=nonsense, application/json;q=0.1", "application/json"),
    ],
)
def test_the_format_is_the_one_that_is_most_welcome(client: TestClient, accept: str | None, media_type: str) -> None:
    client.headers.pop("Accept", None)
    answer = client.get("/v1/reports/status", params=AT, headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"].partition(";")[0] == media_type
    assert answer.headers["Vary"] == "Accept"


def test_a_named_format_goes_before_accept(client: TestClient) -> None:
    answer = client.get("/v1/reports/status", params=AT | {"format": "csv"}, headers={"Accept": "application/json"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'inline; filename="status-2025-03-20.csv"'


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "nonsense"])
def test_when_no_format_is_welcome_it_says_which_there_are(client: TestClient, accept: str) -> None:
    answer = client.get("/v1/reports/status", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (406, "application/problem+json")
    assert "text/csv" in answer.json()["detail"]


def test_paper_comes_in_the_reader_s_language_and_data_in_none(client: TestClient) -> None:
    english, vietnamese = (
        client.get("/v1/reports/status", params=AT | {"format": "table", "lang": lang}).text for lang in ("en", "vi")
    )
    assert english != vietnamese
    for chosen in ("json", "csv"):
        first, second = (
            client.get("/v1/reports/status", params=AT | {"format": chosen, "lang": lang}).content
            for lang in ("en", "vi")
        )
        assert first == second
