"""As many databases as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from ledger.store.embedded import EmbeddedServer
from tests.conftest import Database, _fresh

NewDatabase = Callable[[], AbstractContextManager[Database]]


@pytest.fixture
def new_database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection, _template: str) -> NewDatabase:
    """`with new_database() as database:` is a migrated, empty ledger, gone afterwards: for several in one test."""

    @contextmanager
    def new() -> Iterator[Database]:
        yield from _fresh(embedded_server, _maintenance, _template)

    return new
