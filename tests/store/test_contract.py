"""The library's own contract for recorders, run from the installed package on our recorder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from ledger.store.database import Database as Pool
from ledger.store.recorder import LedgerRecorder
from tests.conftest import Database


class WithoutIds(LedgerRecorder):
    """The contract for aggregate recorders wants no notification ids; all else it asks of us as we are."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        super().insert_events(stored_events, **kwargs)


class OnOurLedger:
    """One pool a test, on a ledger of the test's own."""

    recorder_class = LedgerRecorder

    @pytest.fixture(autouse=True)
    def _with_pool(self, database: Database) -> Any:
        self.pool = Pool(database.app, pool_size=16)
        yield
        self.pool.close()

    def create_recorder(self) -> LedgerRecorder:
        return self.recorder_class(self.pool)


class TestAsApplicationRecorder(OnOurLedger, ApplicationRecorderTestCase):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestAsAggregateRecorder(OnOurLedger, AggregateRecorderTestCase):
    recorder_class = WithoutIds


# They are there to be inherited from.
del ApplicationRecorderTestCase, AggregateRecorderTestCase
