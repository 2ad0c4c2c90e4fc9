"""What the tests of the store begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conftest import Database
from tests.support.databases import new_database

from ledger.store.database import Database as Pool
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder


@pytest.fixture
def pool(database: Database) -> Iterator[Pool]:
    """Connections to the test's ledger, as the application makes them."""
    with_pool = Pool(database.app, pool_size=8)
    yield with_pool
    with_pool.close()


@pytest.fixture
def log(pool: Pool) -> Log:
    """The test's log."""
    return Log(pool)


@pytest.fixture
def recorder(pool: Pool) -> LedgerRecorder:
    """The way in, without domain."""
    return LedgerRecorder(pool)


__all__ = ["log", "new_database", "pool", "recorder"]
