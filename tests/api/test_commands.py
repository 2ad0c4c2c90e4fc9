"""One command at a time: what is answered, that a retry is safe, and what every refusal says."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.api.conftest import Post, assigned, cut_off
from tests.conftest import Database
from tests.support.effort import EFFORT
from tests.support.ledgers import line, record
from tests.support.serving import served

from ledger.api import parts
from ledger.domain.times import utc_text
from ledger.errors import Busy
from ledger.merkle.hashing import leaf_hash
from ledger.services.command_line import MAX_LINE_BYTES
from ledger.services.ledger import Ledger

JSON = {"Content-Type": "application/json"}
_EACH = 25 * EFFORT
SECONDS = 20


def send(client: TestClient | httpx2.Client, body: bytes, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/commands", content=body, headers=JSON | named)


def test_a_command_is_answered_with_its_place_in_the_log(client: TestClient, ledger: Ledger) -> None:
    head = ledger.log.head().next_position
    answer = send(client, assigned("T1"))
    assert answer.status_code == 201
    (held,) = ledger.log.records(head, head + 1)
    assert answer.json() == {
        "task": "T1",
        "version": 1,
        "position": head,
        "recorded_at": utc_text(held.recorded_at),
        "leaf": leaf_hash(ledger.log.entries(head, head + 1)[0][1]).hex(),
        "warnings": [],
    }
    assert held.event.stream == "task/T1"
    assert (held.event.actor.unit, held.event.actor.subject) == ("AUTH", None)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (line("register_unit", "unit/U9", 1, unit="U9", name="Unit"), "unit", "U9"),
        (line("adopt_plan", "plan/P9", 1, title="Plan"), "plan", "P9"),
        (line("declare_day_off", "calendar/VN", 1, date="2025-03-03", name="Storm"), "calendar", "VN"),
    ],
)
def test_the_answer_names_the_aggregate_by_its_kind(client: TestClient, body: bytes, kind: str, code: str) -> None:
    assert send(client, body).json()[kind] == code


def test_what_is_odd_comes_as_a_warning(post: Post, client: TestClient) -> None:
    send(client, line("assign_task", "T1", 10, title="Task", lead="U1"))
    post("submit_result", "T1", 5, reviewer="REV")
    assert post("accept_result", "T1", 12, unit="REV").json()["warnings"] == ["ends_before_start"]


# ── retries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_retry_gets_the_same_bytes_and_records_nothing(client: TestClient, ledger: Ledger) -> None:
    first = send(client, assigned("T1", idempotency_key="k1"))
    position = ledger.log.head().next_position
    again = send(client, assigned("T1", idempotency_key="k1"))
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ledger.log.head().next_position == position


def test_a_retry_is_told_of_the_same_warnings(post: Post, client: TestClient) -> None:
    send(client, line("assign_task", "T1", 10, title="Task", lead="U1"))
    post("submit_result", "T1", 5, reviewer="REV")
    first = post("accept_result", "T1", 12, unit="REV", idempotency_key="k")
    post("reopen_task", "T1", 13, cause="defect")
    assert post("accept_result", "T1", 12, unit="REV", idempotency_key="k").content == first.content


@pytest.mark.parametrize("header", ["k1", '"k1"'])
def test_the_key_may_come_as_a_header(client: TestClient, header: str) -> None:
    first = send(client, assigned("T1"), Idempotency_Key=header)
    assert first.status_code == 201
    for again in (
        send(client, assigned("T1"), Idempotency_Key=header),
        send(client, assigned("T1", idempotency_key="k1")),
        send(client, assigned("T1", idempotency_key="k1"), Idempotency_Key=header),
    ):
        assert again.content == first.content
        assert again.headers["Idempotency-Replayed"] == "true"


def test_a_key_in_the_header_and_another_in_the_body_are_refused(client: TestClient) -> None:
    answer = send(client, assigned("T1", idempotency_key="k1"), Idempotency_Key="k2")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "two_keys", "idempotency_key")


@pytest.mark.parametrize("header", ["", "x" * 201, "two words", "ключ".encode(), '"'])
def test_a_header_that_is_no_key_is_refused(client: TestClient, header: str | bytes) -> None:
    answer = client.post("/v1/commands", content=assigned("T1"), headers=[*JSON.items(), ("Idempotency-Key", header)])
    assert answer.status_code == 400


def test_a_key_used_for_another_command_is_refused(client: TestClient) -> None:
    send(client, assigned("T1", idempotency_key="k1"))
    answer = send(client, assigned("T2", idempotency_key="k1"))
    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


def test_the_same_command_sent_many_times_at_once_is_recorded_once(address: str, ledger: Ledger) -> None:
    before = ledger.log.head().next_position
    together = threading.Barrier(8)

    def post(_: int) -> list[bytes]:
        found = []
        with httpx2.Client(base_url=address) as client:
            for n in range(10):
                together.wait()
                found.append(send(client, assigned(f"T{n}"), Idempotency_Key=f"k{n}").content)
        return found

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, range(8)))
    assert all(each == answers[0] for each in answers)
    assert [json.loads(each)["task"] for each in answers[0]] == [f"T{n}" for n in range(10)]
    assert ledger.log.head().next_position == before + 10


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_expected_version_is_answered_with_the_actual_one(client: TestClient, post: Post) -> None:
    send(client, assigned("T1"))
    answer = post("report_progress", "T1", 2, percent=5, expected_version=4)
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:progress-ledger:problem:conflict",
        "title": "The stream is at another version",
        "status": 409,
        "detail": "task/T1 is at version 1, not at the expected 4",
        "expected": 4,
        "actual": 1,
    }
    assert post("report_progress", "T1", 2, percent=5, expected_version=1).status_code == 201


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (line("report_progress", "T9", 2, percent=5), "unknown_task", "task"),
        (line("report_progress", "T1", 2, percent=100.01), "percent_out_of_range", "data.percent"),
        (line("report_progress", "T1", "2025-04-01", percent=5), "effective_in_future", "effective_at"),
        (line("report_progress", "T1", "yesterday", percent=5), "bad_time", "effective_at"),
        (line("report_progress", "T1", 2, percent="5 %"), "invalid_command", "data.percent"),
        (line("report_progress", "T1", 2, percentage=5), "invalid_command", "data"),
        (line("report_progress", "T1", 2, unit="U9", percent=5), "unknown_unit", "acting_unit"),
        (line("raise_blocker", "T1", 2, blocker="b1", owner="U9", category="law"), "unknown_unit", "data.owner"),
        (line("resolve_blocker", "T1", 2, blocker="b1"), "unknown_blocker", "data.blocker"),
        (line("extend_deadline", "T1", 2, new_deadline={"date": "2025-03-09"}), "not_later", "data.new_deadline"),
        (line("dance", "T1", 2), "unknown_command", "command"),
        (line("report_progress", "unit/U1", 2, percent=5), "which_aggregate", "task"),
        (b'{"command": "cancel_task", "task": "T1"}', "invalid_command", None),
        (b"[]", "invalid_command", None),
        (assigned("T2", title=""), "invalid_command", "data.title"),
        (assigned("T2", plan_items=[{"plan": "P1", "item": "Z"}]), "unknown_item", "data.plan_items[0].item"),
        (assigned("T2", recorded_at="2020-01-01T00:00:00Z"), "recorded_at_given", "recorded_at"),
        (assigned("T2", result="x" * 10_001), "invalid_command", "data.result"),
        (
            assigned("T2", indicators=[{"name": f"{n} {'t' * 490}"} for n in range(140)]),
            "entry_too_large",
            "data",
        ),
    ],
)
def test_a_refusal_names_the_field(client: TestClient, ledger: Ledger, body: bytes, code: str, field: str) -> None:
    send(client, assigned("T1"))
    head = ledger.log.head()
    answer = send(client, body)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field), problem
    assert (problem["type"], problem["status"]) == ("urn:progress-ledger:problem:refused", 422)
    assert problem["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ledger.log.head() == head


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"command": "cancel_task",}', assigned("T1") + b"}"])
def test_what_is_no_json_is_a_bad_request(client: TestClient, body: bytes) -> None:
    answer = send(client, body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:progress-ledger:problem:malformed")


def test_no_body_brings_the_server_down(client: TestClient) -> None:
    """Bytes of a sound command, cut, doubled and changed: each is taken or refused, and never an error of ours."""
    chance = random.Random(0)
    sound = assigned("T1", start="2025-03-01", indicators=[{"name": "a", "target": "é\u2028"}], priority="high")
    for _ in range(400):
        body = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            body[at : at + chance.randint(0, 3)] = chance.choice(
                (b"", b'"', b"{", b"[", b"\\ud800", b"\x00", b"\xc3", b"1e999", b"null", bytes([chance.randrange(256)]))
            )
        assert send(client, bytes(body)).status_code in (201, 400, 422), bytes(body)
    for deep in (b"[" * 100_000, b'{"data":' * 100_000, line("cancel_task", "T1", reason="x")[:-2] + b"[" * 100_000):
        assert send(client, deep).status_code in (400, 422)


def test_a_body_longer_than_any_command_is_refused_unread(address: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    with httpx2.Client(base_url=address) as client:
        assert send(client, b" " * (MAX_LINE_BYTES + 1)).status_code == 413
        with suppress(httpx2.WriteError):  # the server may close the connection while the rest is being sent
            assert client.post("/v1/commands", content=endless(), headers=JSON).status_code == 413


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_another_media_type_is_refused(client: TestClient, media_type: str) -> None:
    answer = client.post("/v1/commands", content=assigned("T1"), headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


def test_the_media_type_may_have_parameters(client: TestClient) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/commands", content=assigned("T1"), headers=headers).status_code == 201


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    assert send(client, assigned("T1"), Content_Encoding="gzip").status_code == 415


def test_a_parameter_is_refused_and_nothing_recorded(client: TestClient, ledger: Ledger) -> None:
    head = ledger.log.head()
    answer = client.post("/v1/commands?dry_run=true", content=assigned("T1"), headers=JSON)
    assert (answer.status_code, answer.json()["parameter"]) == (400, "dry_run")
    assert ledger.log.head() == head


# ── when the ledger cannot ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_queue_says_when_to_try_again(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append(_: object) -> None:
        raise Busy(10_000, 2.5)

    monkeypatch.setattr(ledger.committer, "append", append)
    answer = send(client, assigned("T1"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert answer.json()["type"] == "urn:progress-ledger:problem:busy"


def test_more_requests_than_may_wait_for_a_commit_are_told_to_come_again(
    client: TestClient, app: FastAPI, database: Database
) -> None:
    send(client, assigned("T1"))
    reports = [line("report_progress", "T1", 2, percent=1), line("assign_task", "T2", 1, title="t", lead="U1")]
    committer = app.state.parts.committer
    committer._max_waiting = 1
    with psycopg.connect(database.owner) as owner, ThreadPoolExecutor(1) as threads:
        owner.execute("SELECT FROM ledger.head FOR UPDATE")  # so that the commit waits
        first = threads.submit(send, client, reports[0])
        while not committer.waiting:
            assert not first.done()
        answer = send(client, reports[1])
        owner.rollback()
        assert first.result(20).status_code == 201
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "urn:progress-ledger:problem:busy"
    assert send(client, reports[1]).status_code == 201
    assert "ledger_appends_busy_total 1.0" in client.get("/metrics").text


def test_those_who_wait_for_a_turn_do_not_keep_a_thread_from_the_one_who_has_it(
    app: FastAPI, ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines in bulk hold threads while they wait behind a command that needs one: for a look at the log."""
    monkeypatch.setattr(parts, "WRITERS", 3)
    record(ledger, assigned("T1"))
    report = line("report_progress", "T1", 2, percent=1)
    with served(app) as url, ThreadPoolExecutor(5) as threads, psycopg.connect(database.owner) as owner:
        owner.execute("SELECT FROM ledger.head FOR UPDATE")  # so that the commit waits

        def post(body: bytes, media_type: str, waiting: Callable[[], bool]) -> Future[httpx2.Response]:
            headers = {"Content-Type": media_type}
            job = threads.submit(httpx2.post, f"{url}/v1/commands", content=body, headers=headers, timeout=SECONDS)
            while not waiting():
                assert not job.done()
            return job

        handler, running = ledger.commands, app.state.parts
        jobs = [post(report, "application/json", lambda: running.committer.waiting == 1)]
        jobs.append(post(assigned("T1"), "application/json", lambda: handler.waiting == 1))  # it exists: to be refused
        jobs += [post(report, "application/x-ndjson", lambda n=n: handler.waiting == n) for n in (2, 3, 4)]
        owner.rollback()
        assert [job.result(SECONDS).status_code for job in jobs] == [201, 422, 200, 200, 200]


def test_a_lost_database_says_when_to_try_again(client: TestClient, ledger: Ledger, database: Database) -> None:
    send(client, assigned("T1"))
    ledger.database.pool.timeout = 0.2
    with cut_off(database):
        for answer in (send(client, assigned("T2")), client.get("/v1/tasks")):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.json()["type"] == "urn:progress-ledger:problem:database-unavailable"
    ledger.database.pool.timeout = 10.0
    # The committer learns only now that its connection is lost, and cannot know what became of the first.
    again = [send(client, assigned("T2", idempotency_key="k")).status_code for _ in range(2)]
    assert again[-1] == 201


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_commands_of_many_clients_on_the_same_tasks_are_all_there_once(address: str, ledger: Ledger) -> None:
    record(ledger, *(assigned(f"T{n}") for n in range(7)))
    before = ledger.log.head().next_position

    def post(who: int) -> list[tuple[int, str, int, str]]:
        chance = random.Random(who)
        answered = []
        with httpx2.Client(base_url=address, timeout=60) as client:
            for n in range(_EACH):
                task = f"T{chance.randrange(7)}"
                body = line(
                    "report_progress", task, 2, percent=n % 100, narrative=f"{who}.{n}", idempotency_key=f"{who}.{n}"
                )
                answer = send(client, body)
                assert answer.status_code == 201, answer.text
                answered.append((answer.json()["position"], task, answer.json()["version"], f"{who}.{n}"))
        return answered

    with ThreadPoolExecutor(16) as threads:
        answered = sorted(each for client in threads.map(post, range(16)) for each in client)
    assert [position for position, *_ in answered] == list(range(before, before + 16 * _EACH))
    held = [
        (each.position, each.event.stream.removeprefix("task/"), each.event.version, each.event.data.narrative)  # type: ignore[attr-defined]  # all are progress reports
        for each in ledger.log.records(before, before + 16 * _EACH)
    ]
    assert ledger.texts.opened(held) == answered
