"""Whether the server lives, and whether it can answer."""

from __future__ import annotations

import psycopg
import pytest
from fastapi.testclient import TestClient
from tests.api.conftest import assigned, cut_off
from tests.conftest import Database
from tests.support.ledgers import record

from ledger.api.following import Following
from ledger.services.ledger import Ledger


def test_the_process_lives(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_server_is_ready_and_says_how_far_it_is(client: TestClient, ledger: Ledger) -> None:
    record(ledger, assigned("T1"))
    client.get("/v1/tasks")
    answer = client.get("/readyz")
    lag = {projection.name: 0 for projection in ledger.projections}
    expected = {"status": "ready", "position": 8, "lag": lag, "parked": 0, "witnesses": []}
    assert (answer.status_code, answer.json()) == (200, expected)
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_its_database_it_is_not_ready_and_lives(client: TestClient, database: Database) -> None:
    with cut_off(database):
        assert_not_ready(client, "could not be reached")
        assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_with_another_schema_it_is_not_ready(client: TestClient, database: Database) -> None:
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("INSERT INTO ledger.migration (number, name, sha256) VALUES (9999, '9999_future.sql', 'x')")
    assert_not_ready(client, "9999_future.sql")


def test_with_a_read_model_of_another_version_it_is_not_ready(client: TestClient, database: Database) -> None:
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute("UPDATE ledger.tracking SET version = 99 WHERE projection = 'timeline'")
    assert_not_ready(client, "rebuild timeline")


def test_without_its_follower_it_is_not_ready(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Following, "is_alive", False)
    assert_not_ready(client, "not being followed")


def assert_not_ready(client: TestClient, why: str) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.json()["type"] == "urn:progress-ledger:problem:not-ready"
    assert why in answer.json()["detail"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_reads_that_the_read_models_do_not_reach_in_time_say_so(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.get("/v1/tasks")
    client.app.state.parts.following.stop()  # type: ignore[attr-defined]  # it is a FastAPI application
    monkeypatch.setattr("ledger.api.following.PATIENCE_SECONDS", 0.0)
    record(ledger, assigned("T1"))
    answer = client.get("/v1/tasks")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (answer.json()["tracked"], answer.json()["wanted"]) == (7, 8)
    assert client.get("/v1/tasks?as_of=2020-01-01").status_code == 200
    # Another process may do the following.
    ledger.keep_up(8)
    assert client.get("/v1/tasks").status_code == 200
