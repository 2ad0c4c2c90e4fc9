"""The log over HTTP: pages, and the stream that follows it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import fastapi.routing
import httpx2
import orjson
import pytest
import rfc8785
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.api.conftest import assigned, cut_off
from tests.conftest import Database
from tests.support.ledgers import line, micros, record

from ledger.api.parts import Parts
from ledger.services.export import export_line
from ledger.services.ledger import Ledger
from ledger.store.entry import event_bytes


def test_an_event_is_given_byte_for_byte(client: TestClient, ledger: Ledger) -> None:
    record(ledger, assigned("Đ1", title='"\\ \u2028 \U0001f600 \x7f'), line("report_progress", "Đ1", 2, percent=33.33))
    answer = client.get("/v1/events", params={"after": 6})
    for (_, entry), given in zip(ledger.log.entries(7, 9), answer.json()["events"], strict=True):
        recorded_at = micros(given["recorded_at"])
        assert b'"event":' + event_bytes(entry, recorded_at) + b"}" in answer.content
        # What a client can do with the answer alone.
        rebuilt = rfc8785.dumps({"event": given["event"], "recorded_at": recorded_at})
        assert rebuilt == entry
        assert hashlib.sha256(b"\x00" + rebuilt).hexdigest() == given["leaf"]


def test_pages_hold_the_log_in_order(client: TestClient, ledger: Ledger) -> None:
    record(ledger, *(assigned(f"T{n}") for n in range(10)))
    seen: list[dict[str, Any]] = []
    parameters = {"limit": 4}
    while True:
        page = client.get("/v1/events", params=parameters).json()
        seen += page["events"]
        if page["next"] is None:
            break
        assert page["next"] == seen[-1]["position"]
        parameters["after"] = page["next"]
    assert [each["position"] for each in seen] == list(range(17))
    exported = [orjson.loads(export_line(position, entry)) for position, entry in ledger.log.entries(0, 17)]
    assert [(each["entry"]["event"], each["leaf"]) for each in exported] == [(e["event"], e["leaf"]) for e in seen]


@pytest.mark.parametrize("after", [6, 7, 1000, 2**63 - 2])
def test_behind_the_end_there_is_nothing(client: TestClient, after: int) -> None:
    assert client.get("/v1/events", params={"after": after}).json() == {"events": [], "next": None}


def test_a_page_that_is_just_full_is_the_last(client: TestClient) -> None:
    page = client.get("/v1/events", params={"limit": 7}).json()
    assert (len(page["events"]), page["next"]) == (7, None)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        (f"after={2**63}", "after"),
        ("limit=1001", "limit"),
        ("from=0", "from"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
def test_a_parameter_that_cannot_be_read_is_named(client: TestClient, path: str, query: str, parameter: str) -> None:
    answer = client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)


# ── the stream ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def listening(address: str, after: int | None = None, **headers: str) -> Iterator[Iterator[str]]:
    """The lines of the stream, as they come."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with (
        httpx2.Client(base_url=address, timeout=10) as client,
        client.stream(
            "GET", "/v1/events/stream", params={} if after is None else {"after": after}, headers=named
        ) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].partition(";")[0] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        yield answer.iter_lines()


def events(lines: Iterator[str], count: int) -> list[tuple[int, dict[str, Any]]]:
    """The next (id, data) of the stream."""
    found: list[tuple[int, dict[str, Any]]] = []
    data = ""
    for each in lines:
        name, _, value = each.partition(": ")
        if name == "data":
            data = value
        elif name == "id":
            found.append((int(value), orjson.loads(data)))
        if len(found) == count:
            break
    return found


def test_a_stream_gives_what_is_there_and_then_what_comes(address: str, ledger: Ledger) -> None:
    with listening(address) as lines, httpx2.Client(base_url=address) as client:
        assert [position for position, _ in events(lines, 7)] == list(range(7))
        for n in range(3):
            record(ledger, assigned(f"T{n}"))
            ((position, data),) = events(lines, 1)
            assert position == 7 + n
            (paged,) = client.get("/v1/events", params={"after": position - 1}).json()["events"]
            assert data == paged


def test_a_stream_is_taken_up_where_it_was_left(address: str, ledger: Ledger) -> None:
    with listening(address, after=4) as lines:
        assert [position for position, _ in events(lines, 2)] == [5, 6]
    record(ledger, *(assigned(f"T{n}") for n in range(3)))
    # What a browser sends when it comes back: the same address, and what it saw last.
    with listening(address, after=4, Last_Event_ID="6") as lines:
        assert [position for position, _ in events(lines, 3)] == [7, 8, 9]


def test_a_stream_gives_a_long_log_whole(address: str, ledger: Ledger) -> None:
    record(ledger, *(assigned(f"T{n}") for n in range(500)))
    with listening(address) as lines:
        assert [position for position, _ in events(lines, 507)] == list(range(507))


@pytest.mark.parametrize("seen", ["x", "-1", "1.5", str(2**63)])
def test_a_last_event_that_is_no_position_is_refused(client: TestClient, seen: str) -> None:
    answer = client.get("/v1/events/stream", headers={"Last-Event-ID": seen})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Last-Event-ID")


def test_an_idle_stream_holds_nothing_and_ends_with_its_client(address: str, app: FastAPI, ledger: Ledger) -> None:
    parts: Parts = app.state.parts
    with listening(address) as lines:
        events(lines, 7)
        wait_until(lambda: parts.stream_readers.borrowed_tokens == 0)
        pool = ledger.database.pool.get_stats()
        assert pool["pool_available"] == pool["pool_size"]
        assert parts.following.listeners == 1
    record(ledger, assigned("T1"))
    wait_until(lambda: parts.following.listeners == 0)


def test_an_idle_stream_is_kept_open_by_comments(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    with listening(address, after=6) as lines:
        assert [next(lines) for _ in range(4)] == [": ping", "", ": ping", ""]


def test_many_streams_do_not_keep_others_waiting(address: str, ledger: Ledger) -> None:
    """Eighty of them are more than the server has threads, and ten times more than it has connections."""
    with ExitStack() as streams, httpx2.Client(base_url=address) as client:
        all_lines = [streams.enter_context(listening(address, after=6)) for _ in range(80)]
        begun = time.monotonic()
        record(ledger, assigned("T1"))
        assert client.get("/v1/tasks/T1").status_code == 200
        assert time.monotonic() - begun < 5
        assert all(events(lines, 1)[0][0] == 7 for lines in all_lines)


def test_a_stream_ends_when_the_database_is_lost(address: str, ledger: Ledger, database: Database) -> None:
    """Its client comes back by itself, and says what it saw last."""
    ledger.database.pool.timeout = 0.1
    with listening(address) as lines:
        events(lines, 7)
        with cut_off(database):
            for _ in lines:
                pass


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
