"""The log over HTTP: pages, and the stream that follows it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
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
from tests.support.ledgers import line, micros, record, submit
from tests.support.texts import erase_name

from ledger.api.parts import Parts
from ledger.errors import DatabaseUnavailable
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


def test_texts_stand_beside_the_event_by_path(client: TestClient, ledger: Ledger) -> None:
    record(
        ledger,
        assigned("T1", title="Land register", officer="Trần Thị B"),
        line("report_progress", "T1", 2, percent=3, narrative="as planned"),
    )
    first, second = client.get("/v1/events", params={"after": 6}).json()["events"]
    assert (first["texts"], first["absent"]) == ({"data.title": "Land register", "data.officer": "Trần Thị B"}, {})
    assert first["event"]["data"]["title"].startswith("text:")
    assert second["texts"] == {"data.narrative": "as planned"}
    erase_name(ledger, "Trần Thị B")
    first, second, third = client.get("/v1/events", params={"after": 6}).json()["events"]
    assert (first["texts"], first["absent"]) == ({"data.title": "Land register"}, {"data.officer": "erased"})
    assert (third["texts"], third["absent"]) == ({}, {})


def test_a_text_that_quotes_a_reference_does_not_open_it(client: TestClient, ledger: Ledger) -> None:
    """Whoever may read events knows references; he cannot have them opened by writing them himself."""
    record(ledger, assigned("T1", title="For few eyes", classification="secret"))
    ref = client.get("/v1/events", params={"after": 6}).json()["events"][0]["event"]["data"]["title"]
    record(ledger, assigned("T2", title=ref), line("report_progress", "T2", 2, percent=3, narrative=f"see {ref}"))
    assert client.get("/v1/tasks/T2").json()["title"] == ref
    said = client.get("/v1/tasks/T2/timeline").json()["records"][1]["text"]
    assert said == f"Progress is reported as 3 %: see {ref}."
    found = client.get("/v1/reports/overdue", params={"format": "json", "on": "2026-01-01"}).content
    assert found.count(b"For few eyes") == 1
    refused = client.post(
        "/v1/commands",
        content=line("rename_unit", "unit/U1", 2, name=f"Office {ref}"),
        headers={"Content-Type": "application/json"},
    )
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "looks_like_a_text",
        "data.name",
    )


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


@pytest.fixture
def browser(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, timeout=10) as client:
        yield client


@contextmanager
def listening(browser: httpx2.Client, after: int | None = None, **headers: str) -> Iterator[Iterator[str]]:
    """The lines of the stream, as they come."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    parameters = {} if after is None else {"after": after}
    with browser.stream("GET", "/v1/events/stream", params=parameters, headers=named) as answer:
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


def test_a_stream_gives_what_is_there_and_then_what_comes(browser: httpx2.Client, ledger: Ledger) -> None:
    with listening(browser) as lines:
        assert [position for position, _ in events(lines, 7)] == list(range(7))
        for n in range(3):
            record(ledger, assigned(f"T{n}"))
            ((position, data),) = events(lines, 1)
            assert position == 7 + n
            (paged,) = browser.get("/v1/events", params={"after": position - 1}).json()["events"]
            assert data == paged


def test_a_stream_is_taken_up_where_it_was_left(browser: httpx2.Client, ledger: Ledger) -> None:
    with listening(browser, after=4) as lines:
        assert [position for position, _ in events(lines, 2)] == [5, 6]
    record(ledger, *(assigned(f"T{n}") for n in range(3)))
    # What a browser sends when it comes back: the same address, and what it saw last.
    with listening(browser, after=4, Last_Event_ID="6") as lines:
        assert [position for position, _ in events(lines, 3)] == [7, 8, 9]


def test_a_stream_gives_a_long_log_whole(browser: httpx2.Client, ledger: Ledger) -> None:
    record(ledger, *(assigned(f"T{n}") for n in range(500)))
    with listening(browser) as lines:
        assert [position for position, _ in events(lines, 507)] == list(range(507))


@pytest.mark.parametrize("seen", ["x", "-1", "1.5", str(2**63)])
def test_a_last_event_that_is_no_position_is_refused(client: TestClient, seen: str) -> None:
    answer = client.get("/v1/events/stream", headers={"Last-Event-ID": seen})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "Last-Event-ID")


def test_an_idle_stream_holds_nothing_and_ends_with_its_client(
    browser: httpx2.Client, app: FastAPI, ledger: Ledger
) -> None:
    parts: Parts = app.state.parts
    with listening(browser) as lines:
        events(lines, 7)
        wait_until(lambda: parts.stream_readers.borrowed_tokens == 0)
        pool = ledger.database.pool.get_stats()
        assert pool["pool_available"] == pool["pool_size"]
        assert parts.following.listeners == 1
    record(ledger, assigned("T1"))
    wait_until(lambda: parts.following.listeners == 0)


def test_an_idle_stream_is_kept_open_by_comments(browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    with listening(browser, after=6) as lines:
        assert [next(lines) for _ in range(4)] == [": ping", "", ": ping", ""]


def test_many_streams_do_not_keep_others_waiting(browser: httpx2.Client, ledger: Ledger) -> None:
    """Sixty of them are more than the server has threads, and many more than it has connections."""
    with ExitStack() as streams:
        all_lines = [streams.enter_context(listening(browser, after=6)) for _ in range(60)]
        begun = time.monotonic()
        record(ledger, assigned("T1"))
        assert browser.get("/v1/tasks/T1").status_code == 200
        assert time.monotonic() - begun < 5
        assert all(events(lines, 1)[0][0] == 7 for lines in all_lines)


def test_a_stream_outlives_a_lost_database(browser: httpx2.Client, ledger: Ledger, database: Database) -> None:
    with listening(browser) as lines:
        events(lines, 7)
        with cut_off(database):
            time.sleep(0.2)
        with suppress(DatabaseUnavailable):  # its connection was lost as well
            submit(ledger, assigned("T1", idempotency_key="k"))
        submit(ledger, assigned("T1", idempotency_key="k"))
        assert [position for position, _ in events(lines, 1)] == [7]


def test_a_stream_that_cannot_read_ends(
    browser: httpx2.Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client comes back by itself, and says what it saw last."""
    with listening(browser) as lines:
        events(lines, 7)

        def fail(*_: object) -> None:
            raise DatabaseUnavailable("it is gone")

        monkeypatch.setattr(ledger.log, "entries", fail)
        record(ledger, assigned("T1"))
        assert not "".join(lines)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
