"""`wait=POSITION`: a read that answers when a record can be read."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient
from tests.api.conftest import Post, assigned
from tests.support.ledgers import record

from ledger.api.following import Following
from ledger.api.parts import EXPECTING
from ledger.services.ledger import Ledger

READS = ("/v1/tasks", "/v1/tasks/T1", "/v1/tasks/T1/timeline", "/v1/tasks/T1/charges", "/v1/reports/status")


@pytest.mark.parametrize("path", READS)
def test_what_was_recorded_is_seen(client: TestClient, post: Post, path: str) -> None:
    position = post("assign_task", "T1", 3, title="Task", lead="U1").json()["position"]
    answer = client.get(f"{path}?wait={position}")
    assert answer.status_code == 200
    assert answer.content == client.get(path).content


@pytest.mark.parametrize("path", READS)
def test_a_position_that_is_not_reached_in_time_is_answered_so(
    client: TestClient, ledger: Ledger, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger, assigned("T1"))
    client.get(path)
    monkeypatch.setattr("ledger.api.following.PATIENCE_SECONDS", 0.0)
    answer = client.get(f"{path}?wait=8")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "urn:progress-ledger:problem:lagging"
    assert (answer.json()["tracked"], answer.json()["wanted"]) == (8, 9)
    assert client.get(f"{path}?wait=7").status_code == 200


def test_a_read_waits_for_a_record_that_is_still_to_come(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = threading.Event()
    keep_up = Following.keep_up

    def seen(self: Following, position: int) -> None:
        waits.set()
        keep_up(self, position)

    monkeypatch.setattr(Following, "keep_up", seen)

    def later() -> None:
        assert waits.wait(20)
        record(ledger, assigned("T1"))

    writer = threading.Thread(target=later)
    writer.start()
    answer = client.get("/v1/tasks?wait=7")
    writer.join()
    assert [task["task"] for task in answer.json()["tasks"]] == ["T1"]


def test_made_up_positions_do_not_hold_every_thread(client: TestClient, ledger: Ledger) -> None:
    record(ledger, assigned("T1"))
    expecting = client.app.state.parts.expecting  # type: ignore[attr-defined]  # it is the application
    held = [expecting.acquire(blocking=False) for _ in range(EXPECTING)]
    assert all(held)
    answer = client.get("/v1/tasks?wait=99999")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert (answer.json()["projection"], answer.json()["tracked"], answer.json()["wanted"]) == ("log", 8, 100_000)
    assert client.get("/v1/tasks?wait=7").status_code == 200, "what is there is waited for as ever"


@pytest.mark.parametrize("wait", ["-1", "x", "", str(2**63)])
def test_what_is_no_position_is_refused(client: TestClient, wait: str) -> None:
    answer = client.get(f"/v1/tasks?wait={wait}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "wait")
