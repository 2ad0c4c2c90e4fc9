"""What `/metrics` tells, in the text format of Prometheus."""

from __future__ import annotations

import psycopg
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from tests.api.conftest import Post, assigned, cut_off
from tests.conftest import Database
from tests.support.ledgers import record

from ledger.services.ledger import Ledger

Figures = dict[tuple[str, str], float]


def figures(client: TestClient) -> Figures:
    """(name, the labels' values) -> value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_log_and_the_read_models_are_told(client: TestClient, ledger: Ledger) -> None:
    record(ledger, assigned("T1"))
    client.get("/v1/tasks")
    found = figures(client)
    assert found["ledger_log_events", ""] == 8
    assert found["ledger_database_up", ""] == found["ledger_following", ""] == 1
    assert found["ledger_appends_waiting", ""] == found["ledger_appends_busy_total", ""] == 0
    for projection in ledger.projections:
        for name in ("lag_events", "lag_seconds", "parked_streams"):
            assert found[f"ledger_read_model_{name}", f"1 {projection.name} active"] == 0
    assert not any(name.startswith("ledger_checkpoint") for name, _ in found)


def test_a_read_model_that_lags_and_has_given_up_on_a_stream_is_seen(
    client: TestClient, ledger: Ledger, database: Database
) -> None:
    record(ledger, assigned("T1"))
    client.get("/v1/tasks")
    client.app.state.parts.following.stop()  # type: ignore[attr-defined]  # it is a FastAPI application
    record(ledger, assigned("T2"), assigned("T3"))
    first, _ = ledger.log.records(8, 10)
    ledger.clock.now = first.recorded_at + 90_500_000  # type: ignore[attr-defined]  # it stands still
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("INSERT INTO ledger.parked VALUES ('timeline', 1, 'task/T1', 7, 'poison')")
    found = figures(client)
    assert found["ledger_following", ""] == 0
    assert found["ledger_read_model_lag_events", "1 timeline active"] == 2
    assert found["ledger_read_model_lag_seconds", "1 timeline active"] == 90.5
    ledger.keep_up(10)
    assert figures(client)["ledger_read_model_lag_seconds", "1 timeline active"] == 0
    assert found["ledger_read_model_parked_streams", "1 timeline active"] == 1
    assert found["ledger_read_model_parked_streams", "1 charges active"] == 0


def test_requests_are_counted_by_route_and_status(client: TestClient, post: Post) -> None:
    post("assign_task", "T1", 3, title="Task", lead="U1")
    for code in ("T1", "T1", "T99"):
        client.get(f"/v1/tasks/{code}")
    client.get("/nowhere")
    found = figures(client)
    counted = "ledger_http_request_seconds_count"
    assert found[counted, "GET /v1/tasks/{code:path} 200"] == 2
    assert found[counted, "GET /v1/tasks/{code:path} 404"] == 1
    assert found[counted, "POST /v1/commands 201"] == 1
    assert found[counted, "GET none 404"] == 1


def test_without_its_database_the_server_still_tells_its_own(client: TestClient, database: Database) -> None:
    with cut_off(database):
        found = figures(client)
    assert found["ledger_database_up", ""] == 0
    assert ("ledger_log_events", "") not in found
    assert figures(client)["ledger_database_up", ""] == 1
