"""The library's own contract for recorders, run from the installed package on our recorder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from unittest.mock import Mock, patch
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from tests.conftest import Database

from ledger.store.database import Database as Pool
from ledger.store.recorder import LedgerRecorder

# The module also holds a contract for the library's cipher, whose own dependency this product does not have.
with patch.dict(sys.modules, {"eventsourcing.cipher": Mock()}):
    from eventsourcing.tests import persistence as contract


class WithoutIds(LedgerRecorder):
    """The contract for aggregate recorders wants no notification ids; all else it asks of us as we are."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: object) -> None:
        super().insert_events(stored_events, **kwargs)


class OnOurLedger:
    """One pool a test, on a ledger of the test's own."""

    recorder_class = LedgerRecorder

    @pytest.fixture(autouse=True)
    def _with_pool(self, database: Database) -> Iterator[None]:
        self.pool = Pool(database.app, pool_size=16)
        yield
        self.pool.close()

    def new_originator_id(self) -> str:
        """Streams are named by text."""
        return f"task/{uuid4()}"

    def create_recorder(self) -> LedgerRecorder:
        return self.recorder_class(self.pool)


class TestAsApplicationRecorder(OnOurLedger, contract.ApplicationRecorderTestCase):
    """All of that contract, the optional subscription included."""

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestAsAggregateRecorder(OnOurLedger, contract.AggregateRecorderTestCase):
    """All of that contract."""

    recorder_class = WithoutIds
