"""As many databases as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from tests.conftest import Database, _fresh

from ledger.store.embedded import EmbeddedServer

NewDatabase = Callable[[], AbstractContextManager[Database]]


@pytest.fixture(scope="session")
def new_database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection, _template: str) -> NewDatabase:
    """Makes a migrated, empty ledger for the length of a `with` block."""

    @contextmanager
    def new() -> Iterator[Database]:
        yield from _fresh(embedded_server, _maintenance, _template)

    return new
