"""Many commands in one body: an answer for each line, in order, as they come, and in bounded memory."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.api.conftest import assigned, cut_off
from tests.conftest import Database
from tests.support.effort import EFFORT
from tests.support.ledgers import line

from ledger.api import backlog
from ledger.api.backlog import Backlog
from ledger.api.bulk import Lines
from ledger.api.parts import WRITERS
from ledger.errors import DatabaseUnavailable
from ledger.services.command_line import MAX_LINE_BYTES
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger

NDJSON = {"Content-Type": "application/x-ndjson"}
_HEAD = b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"


def send(client: TestClient, *lines: bytes) -> list[dict[str, object]]:
    answer = client.post("/v1/commands", content=b"\n".join(lines), headers=NDJSON)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(each) for each in answer.content.splitlines()]


def test_a_malformed_line_is_answered_and_the_others_are_recorded(client: TestClient, ledger: Ledger) -> None:
    position = ledger.log.head().next_position
    first, malformed, second = send(client, assigned("T1"), b'{"command":', assigned("T2"))
    assert {**first, "recorded_at": "", "leaf": ""} == {
        "line": 1,
        "status": "recorded",
        "task": "T1",
        "version": 1,
        "position": position,
        "recorded_at": "",
        "leaf": "",
        "warnings": [],
    }
    assert (malformed["line"], malformed["status"], malformed["code"]) == (2, "refused", "malformed_json")
    assert malformed["detail"]
    assert (second["line"], second["task"], second["position"]) == (3, "T2", position + 1)
    assert ledger.log.head().next_position == position + 2


def test_each_way_in_which_a_line_ends_is_told(client: TestClient) -> None:
    answers = send(
        client,
        assigned("T1"),
        line("report_progress", "T1", 2, percent=500),
        line("report_progress", "T1", 2, percent=5, expected_version=7),
        line("report_progress", "T1", 2, percent=5, expected_version=1),
    )
    assert [each["status"] for each in answers] == ["recorded", "refused", "conflict", "recorded"]
    assert answers[1]["field"] == "data.percent"
    assert (answers[2]["expected"], answers[2]["actual"]) == (7, 1)


def test_the_same_body_again_gets_the_same_answers(client: TestClient, ledger: Ledger) -> None:
    lines = [assigned(f"T{n}", idempotency_key=f"k{n}") for n in range(3)]
    first = send(client, *lines)
    position = ledger.log.head().next_position
    assert send(client, *lines) == first
    assert ledger.log.head().next_position == position


def test_blank_lines_are_counted_and_not_answered(client: TestClient) -> None:
    answers = send(client, b"", assigned("T1"), b"  ", b"\r", assigned("T2") + b"\r", b"", b"")
    assert [(each["line"], each["status"]) for each in answers] == [(2, "recorded"), (5, "recorded")]
    assert send(client, b"\n\n") == []


def test_a_line_that_is_too_long_harms_no_other(client: TestClient) -> None:
    long = assigned("T1").replace(b"Task T1", b"x" * (3 * MAX_LINE_BYTES))
    answers = send(client, long, assigned("T2"), b" " * (MAX_LINE_BYTES + 9) + b"{", assigned("T3"))
    assert [each["status"] for each in answers] == ["refused", "recorded", "refused", "recorded"]
    assert [each["line"] for each in answers] == [1, 2, 3, 4]
    assert answers[0]["code"] == answers[2]["code"] == "line_too_long"


def test_one_key_for_a_whole_body_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/commands", content=assigned("T1"), headers=NDJSON | {"Idempotency-Key": "k"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")


def test_lines_behind_one_of_unknown_outcome_are_not_tried(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = ledger.commands.handle
    monkeypatch.setattr("ledger.api.bulk.BATCH", 2)

    def fail(submissions: Sequence[Submission]) -> list[Outcome]:
        if submissions[0].number == 3:
            raise DatabaseUnavailable("it is unknown whether the events were recorded")
        return handle(submissions)

    monkeypatch.setattr(ledger.commands, "handle", fail)
    answers = send(client, *(assigned(f"T{n}") for n in range(7)))
    assert [each["line"] for each in answers] == list(range(1, 8))
    assert [each["status"] for each in answers] == ["recorded"] * 2 + ["unavailable"] * 5
    assert str(answers[2]["detail"]).startswith("it is unknown")
    assert all(str(each["detail"]).startswith("not tried") for each in answers[4:])


# ── over a connection ────────────────────────────────────────────────────────────────────────────────────────────────


def test_faulty_lines_are_answered_though_the_database_is_away(client: TestClient, database: Database) -> None:
    with cut_off(database):
        found = send(client, b"{nonsense", b'{"command":')
    assert [(each["line"], each["status"]) for each in found] == [(1, "refused"), (2, "refused")]


def test_thousands_of_lines_are_answered_in_order(address: str, ledger: Ledger) -> None:
    count = 3_000 * EFFORT

    def body() -> Iterator[bytes]:
        for n in range(count):
            yield assigned(f"T{n}") + b"\n" if n % 100 else b"{\n"

    with (
        httpx2.Client(base_url=address, timeout=60) as client,
        client.stream("POST", "/v1/commands", content=body(), headers=NDJSON) as answer,
    ):
        answers = [json.loads(each) for each in answer.iter_lines()]
    assert [each["line"] for each in answers] == list(range(1, count + 1))
    assert [each.get("task") for each in answers] == [f"T{n}" if n % 100 else None for n in range(count)]
    positions = [each["position"] for each in answers if "position" in each]
    assert positions == list(range(positions[0], positions[0] + count - count // 100))
    assert ledger.log.head().next_position == positions[-1] + 1


def test_a_line_is_answered_before_the_next_is_sent(address: str) -> None:
    """As a pipe uses it: the connection stays open, and each line is durable when its answer comes."""
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)) as connection:
        connection.putrequest("POST", "/v1/commands")
        connection.putheader("Content-Type", NDJSON["Content-Type"])
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        answer = None
        for n in range(3):
            connection.send(chunk(assigned(f"T{n}") + b"\n"))
            answer = answer or connection.getresponse()
            assert json.loads(answer.readline())["task"] == f"T{n}"
        connection.send(chunk(b""))
        assert answer is not None
        assert answer.readline() == b""


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_a_client_may_send_all_before_it_reads_anything(address: str) -> None:
    """What a connection's buffers (here 4 MB) cannot hold waits in a file; recording never waits for the client."""
    count = 70_000
    host, _, port = urlsplit(address).netloc.partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=60)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        connection.sendall(_HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (2 * count) + b"{\n" * count)
        with connection.makefile("rb") as answer:
            received = answer.read()
    assert len(received) > 7_000_000
    assert received.count(b'"malformed_json"') == count
    assert b'{"line":%d,' % count in received


def test_of_a_client_that_breaks_off_the_whole_lines_are_recorded(address: str, ledger: Ledger) -> None:
    before = ledger.log.head().next_position
    host, _, port = urlsplit(address).netloc.partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(_HEAD + b"Content-Length: 9999\r\n\r\n" + assigned("T1") + b"\n" + assigned("T2"))
        with connection.makefile("rb") as answer:
            while b'"T1"' not in answer.readline():
                pass
    with httpx2.Client(base_url=address) as client:
        assert client.get("/v1/tasks/T2").status_code == 404
        assert client.get("/v1/tasks/T1").status_code == 200
    assert ledger.log.head().next_position == before + 1


def test_an_error_that_nobody_foresaw_breaks_the_answer_off(
    app: FastAPI, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not look like an answer that has come to its end."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with TestClient(app) as client:
        monkeypatch.setattr(ledger.commands, "handle", fail)
        with pytest.RaisesGroup(ZeroDivisionError):
            client.post("/v1/commands", content=assigned("T1"), headers=NDJSON)


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_when_too_many_wait_the_answer_is_to_come_again(
    client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    writers, others = app.state.parts.writers, range(WRITERS)
    assert client.portal is not None
    client.portal.call(lambda: [writers.acquire_on_behalf_of_nowait(other) for other in others])
    monkeypatch.setattr("ledger.api.parts.MAX_WAITING", 0)
    answer = client.post("/v1/commands", content=assigned("T1"), headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["type"] == "urn:progress-ledger:problem:busy"
    client.portal.call(lambda: [writers.release_on_behalf_of(other) for other in others])
    answer = client.post("/v1/commands", content=assigned("T1"), headers={"Content-Type": media_type})
    assert answer.status_code in (200, 201)


# ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_the_body_is_cut(size: int) -> None:
    body = b"a\n\nbc\r\n" + b"x" * (MAX_LINE_BYTES + 50 if size == 100 else 50) + b"\n \nlast"
    lines = Lines()
    found = [each for at in range(0, len(body), size) for each in lines.feed(body[at : at + size])] + lines.close()
    cut = b"x" * (MAX_LINE_BYTES + 1 if size == 100 else 50)
    assert found == [(1, b"a"), (3, b"bc\r"), (4, cut), (6, b"last")]


def test_a_backlog_gives_back_what_was_put_in_memory_and_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MEMORY_BYTES", 100)
    monkeypatch.setattr(backlog, "CHUNK_BYTES", 30)

    async def run() -> None:
        with Backlog() as waiting:
            read = b""
            for n in range(50):
                waiting.put(b"%03d" % n * 3)
                if n == 20:
                    waiting.close()
            async for each in waiting.chunks():
                read += each
            assert read == b"".join(b"%03d" % n * 3 for n in range(50))

    anyio.run(run)


def test_a_backlog_gives_each_piece_as_it_comes() -> None:
    async def run() -> None:
        with Backlog() as waiting:
            read: list[bytes] = []

            async def reader() -> None:
                async for each in waiting.chunks():
                    read.append(each)  # noqa: PERF401  # the test looks at it meanwhile

            async with anyio.create_task_group() as group:
                group.start_soon(reader)
                for n in range(3):
                    waiting.put(b"%d" % n)
                    await anyio.wait_all_tasks_blocked()
                    assert len(read) == n + 1
                waiting.close()
            assert read == [b"0", b"1", b"2"]

    anyio.run(run)
