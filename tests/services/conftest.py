"""What the tests of services begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conftest import Database
from tests.support.databases import new_database
from tests.support.ledgers import beginnings, opened, record

from ledger.services.ledger import Ledger

__all__ = ["ledger", "new_database"]


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """A ledger that knows a few units and a plan."""
    with opened(database) as made:
        record(made, *beginnings())
        yield made
