"""What is wrong is told as a problem document, whoever notices it: also by the framework."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Response
from fastapi.testclient import TestClient

from ledger import errors
from ledger.api import problems
from ledger.errors import LedgerError
from ledger.services.ledger import Ledger


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/tasks", "/docs", "/redoc", "/v1/events/", "/v1/commands/1"])
def test_there_is_nothing_else(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found"}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/commands", "POST"),
        ("DELETE", "/v1/commands", "POST"),
        ("POST", "/v1/tasks", "GET"),
        ("PUT", "/v1/tasks/T1", "GET"),
        ("PATCH", "/v1/tasks/T1/timeline", "GET"),
        ("POST", "/v1/reports/status", "GET"),
        ("POST", "/v1/events/stream", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_another_method_is_told_which_are_allowed(client: TestClient, method: str, path: str, allow: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allow)
    assert answer.headers["Content-Type"] == "application/problem+json"


def nothing() -> Response:
    return Response()


def test_all_methods_of_a_path_are_named_though_they_have_routes_of_their_own() -> None:
    app = FastAPI()
    problems.install(app)
    for method, path in (("GET", "/things"), ("PUT", "/things"), ("DELETE", "/{anything}")):
        app.add_api_route(path, nothing, methods=[method])
    with TestClient(app) as client:
        assert client.post("/things").headers["Allow"] == "DELETE, GET, PUT"
        assert client.post("/others").headers["Allow"] == "DELETE"


def test_an_error_that_nobody_foresaw_tells_nothing(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(ledger.log, "position_at", fail)
    answer = client.get("/v1/tasks?as_of=2025-01-01")
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text


def test_every_error_of_the_product_is_a_problem() -> None:
    samples: list[LedgerError] = [
        errors.Refused("code", "field", "reason"),
        errors.VersionConflict("task/T1", 1, 2),
        errors.NotFound("task", "T1"),
        errors.BadQuery("on", "reason"),
        errors.Busy(1),
        errors.DatabaseUnavailable("x"),
        errors.Lagging("timeline", 1, 2),
        errors.MigrationError("x"),
        errors.EntryError("x"),
    ]
    for error in samples:
        answer = problems.problem_of(error)
        assert answer.media_type == "application/problem+json"
        assert answer.status_code >= 400
        assert (answer.status_code == 503) == (
            type(error).__name__ in {"Busy", "DatabaseUnavailable", "Lagging", "MigrationError"}
        )


# ── the OpenAPI document ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_openapi_document_holds_together(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert set(document["paths"]) >= {
        "/v1/commands",
        "/v1/tasks",
        "/v1/tasks/{code}",
        "/v1/tasks/{code}/timeline",
        "/v1/reports",
        "/v1/reports/{name}",
        "/v1/events",
        "/healthz",
        "/readyz",
    }
    for reference in references(document):
        at = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    operations = [each for path in document["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    for each in operations:
        parameters = [(parameter["in"], parameter["name"]) for parameter in each.get("parameters", ())]
        assert len(parameters) == len(set(parameters))
        assert "application/problem+json" in each["responses"]["default"]["content"]
        assert "itemSchema" not in str(each)


def references(node: Any) -> set[str]:  # noqa: ANN401  # any JSON
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*map(references, node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def test_nothing_is_loaded_from_elsewhere(client: TestClient) -> None:
    assert "http" not in client.get("/openapi.json").text.replace("application/http", "")
