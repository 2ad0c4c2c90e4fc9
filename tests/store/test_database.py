"""Connections of the application, on a server that others have set up."""

from __future__ import annotations

import psycopg
from tests.conftest import Database

from ledger.store import database as store


def test_commits_are_durable_whatever_the_server_is_set_to(database: Database) -> None:
    with psycopg.connect(database.app) as plain:
        assert plain.execute("SHOW synchronous_commit").fetchone() == ("off",)
    own = store.Database(database.app)
    with own.connect() as alone, own.connection() as pooled:
        for each in (alone, pooled):
            assert each.execute("SHOW synchronous_commit").fetchone() == ("on",)
    own.close()
