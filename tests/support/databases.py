"""As many databases as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest
from tests.conftest import Database, _fresh

from ledger.store.embedded import EmbeddedServer

NewDatabase = Callable[[], AbstractContextManager[Database]]


@pytest.fixture
def new_database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection, _template: str) -> NewDatabase:
    """For several in one test: inside `with new_database() as database:` there is a migrated, empty ledger."""

    @contextmanager
    def new() -> Iterator[Database]:
        yield from _fresh(embedded_server, _maintenance, _template)

    return new
