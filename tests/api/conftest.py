"""The API of a test's own ledger: in the test's process, or served on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.conftest import Database
from tests.support.ledgers import beginnings, line, opened, record
from tests.support.serving import served

from ledger.api.app import create_app
from ledger.services.ledger import Ledger

Post = Callable[..., httpx2.Response]


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """A ledger with the units and the plan of `beginnings`; its today is 31 March 2025."""
    with opened(database) as ledger:
        record(ledger, *beginnings())
        yield ledger


@pytest.fixture
def app(ledger: Ledger) -> FastAPI:
    return create_app(ledger)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the running API; an error that nobody foresaw is answered by 500, as to anybody."""
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def post(client: TestClient) -> Post:
    """Post one command, written as for `line`."""

    def post(
        command: str, of: str, on: int | str | None = None, *, unit: str = "AUTH", **data: object
    ) -> httpx2.Response:
        content = line(command, of, on, unit=unit, **data)
        return client.post("/v1/commands", content=content, headers={"Content-Type": "application/json"})

    return post


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    """Where the API is served, for what needs a connection."""
    with served(app) as url:
        yield url


def assigned(code: str, **more: object) -> bytes:
    """The task is assigned on 1 March 2025, led by U1, due by the 10th."""
    given: dict[str, Any] = {"title": f"Task {code}", "lead": "U1", "deadline": {"date": "2025-03-10"}}
    return line("assign_task", code, 1, **(given | more))


class cut_off:  # noqa: N801  # reads as a statement
    """Inside the context nobody can connect to the database, and nobody is connected."""

    def __init__(self, database: Database) -> None:
        self._name = psycopg.conninfo.conninfo_to_dict(database.owner)["dbname"]
        self._elsewhere = psycopg.conninfo.make_conninfo(database.owner, dbname="postgres")

    def __enter__(self) -> None:
        self._allow(False)

    def __exit__(self, *_: object) -> None:
        self._allow(True)

    def _allow(self, allowed: bool) -> None:
        with psycopg.connect(self._elsewhere, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS {allowed}')
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
            )
