"""A served ledger of each test's own, and the few commands that most tests begin with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ledger.api.app import create_app
from ledger.services.ledger import Ledger
from ledger.settings import Settings

Post = Callable[..., httpx2.Response]


@pytest.fixture
def ledger(database: Any) -> Iterator[Ledger]:
    """An opened ledger without an event, whose days are those of Ho Chi Minh City."""
    with Ledger(Settings(database_url=database.app, time_zone="Asia/Ho_Chi_Minh")) as opened:
        yield opened


@pytest.fixture
def app(ledger: Ledger) -> FastAPI:
    return create_app(ledger)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the API, which runs; an error that nobody foresaw is answered with 500, as to any client."""
    with TestClient(app, raise_server_exceptions=True) as served:
        yield served


@pytest.fixture
def post(client: TestClient) -> Post:
    """Post one command: `post("assign_task", task="T1", acting_unit="U1", title=…)`."""

    def post_one(command: str, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx2.Response:
        return client.post("/v1/commands", json=line(command, **fields), headers=headers)

    return post_one


_BESIDE = frozenset(
    ("task", "unit", "plan", "calendar", "acting_unit", "effective_at", "expected_version", "idempotency_key")
)


def line(command: str, **fields: Any) -> dict[str, Any]:
    """A command line: what does not stand beside the data is data. `AUTH` acts when nobody is named."""
    beside = {name: value for name, value in fields.items() if name in _BESIDE}
    data = {name: value for name, value in fields.items() if name not in _BESIDE}
    return {"command": command, "acting_unit": "AUTH"} | beside | {"data": data}


def register(code: str, **fields: Any) -> dict[str, Any]:
    return line("register_unit", **{"unit": code, "acting_unit": code, "name": f"Unit {code}"} | fields)


def assign(code: str, **fields: Any) -> dict[str, Any]:
    """A task assigned on 1 March 2025, led by U1, due by the 10th."""
    given = {"title": f"Task {code}", "lead": "U1", "effective_at": "2025-03-01"}
    return line("assign_task", **{"task": code} | given | {"deadline": {"date": "2025-03-10"}} | fields)


@pytest.fixture
def units(client: TestClient) -> None:
    """The units AUTH, U1 and U2 are registered."""
    for code in ("AUTH", "U1", "U2"):
        assert client.post("/v1/commands", json=register(code)).status_code == 201


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of a real server on the loopback interface, for what needs a real connection."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with serving(app) as url:
        yield url
