"""What commands are decided on: as new as the log is, for all who ask at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from psycopg import sql
from tests.conftest import Database
from tests.store.test_append import append, key, kill, refused

from ledger.errors import DatabaseUnavailable
from ledger.store.append import Answer
from ledger.store.database import Database as Pool
from ledger.store.recorder import LedgerRecorder
from ledger.store.standing import Stand, Standing


@pytest.fixture
def stand(pool: Pool) -> Iterator[Stand]:
    """Where the test's log stands."""
    with closing(Stand(pool)) as made:
        yield made


def test_an_empty_log_has_nothing_to_tell(stand: Stand) -> None:
    assert stand.of(["a"], [key("k")]) == stand.of([], []) == Standing({}, {}, 0)


def test_streams_keys_and_the_directory_are_as_the_log_has_them(stand: Stand, recorder: LedgerRecorder) -> None:
    (first,) = recorder.append([append("task/a", 0, 2, key=key("k"))])
    replayed = Answer("replayed", first.position, first.recorded_at, 2, None)
    assert stand.of(["task/b", "task/a"], [key("x"), key("k")]) == Standing({"task/a": 2}, {("U1", "k"): replayed}, 0)
    recorder.append([append("unit/u", 0), append("task/a", 2)])
    assert stand.of(["task/a"], [key("k", "another")]) == Standing(
        {"task/a": 3}, {("U1", "k"): refused("key_reused")}, 3
    )
    for stream, end in (("calendar/c", 5), ("plan/p", 6), ("task/b", 6)):
        recorder.append([append(stream, 0)])
        assert stand.of([], []).directory_end == end


def test_the_same_key_may_be_asked_about_for_two_commands(stand: Stand, recorder: LedgerRecorder) -> None:
    recorder.append([append("a", 0, key=key("k"))])
    with ThreadPoolExecutor(8) as callers:
        jobs = [callers.submit(stand.of, ["a"], [key("k", of)]) for of in ("the command", "another") * 20]
        statuses = [job.result(20).answers["U1", "k"].status for job in jobs]
    assert statuses == ["replayed", "refused"] * 20


def test_who_asks_after_an_append_is_told_of_it(stand: Stand, pool: Pool) -> None:
    recorder = LedgerRecorder(pool)

    def one(name: str) -> None:
        for n in range(30):
            recorder.append([append(name, n)])
            assert stand.of([name], []).versions == {name: n + 1}

    with ThreadPoolExecutor(8) as callers:
        for job in [callers.submit(one, f"s{n}") for n in range(8)]:
            job.result(60)


def backend(stand: Stand) -> int:
    pid = stand._kept.backend
    assert pid is not None
    return pid


def test_a_connection_that_was_lost_is_replaced(database: Database, stand: Stand, recorder: LedgerRecorder) -> None:
    recorder.append([append("a", 0)])
    stand.of([], [])
    with psycopg.connect(database.owner, autocommit=True) as owner:
        kill(owner, backend(stand))
        assert stand.of(["a"], []).versions == {"a": 1}
        name = sql.Identifier(owner.info.dbname)
        kill(owner, backend(stand))
        owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(name))
        with pytest.raises(DatabaseUnavailable):
            stand.of(["a"], [])
        owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(name))
    assert stand.of(["a"], []).versions == {"a": 1}
