"""Group commit: what arrives while a commit is under way is committed together by the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql
from tests.conftest import Database
from tests.store.test_append import append, check_whole, conflict, failing_at_commit, key, kill

from ledger.errors import Busy, DatabaseUnavailable
from ledger.store import group_commit
from ledger.store.append import Answer, Append
from ledger.store.database import Connection
from ledger.store.database import Database as Pool
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log

Appended = Future[list[Answer]]


class Gate:
    """Sees every statement that commits appends, and holds those for which it is shut."""

    def __init__(self, append_on: Callable[..., list[Answer]]) -> None:
        self.sizes: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self._append_on = append_on
        self.error: BaseException | None = None

    def __call__(self, connection: Connection, appends: Sequence[Append], **more: bool) -> list[Answer]:
        self.sizes.append(len(appends))
        assert self.open.wait(20)
        if self.error is not None:
            raise self.error
        return self._append_on(connection, appends, **more)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Stands before the database."""
    gate = Gate(group_commit.append_on)
    monkeypatch.setattr(group_commit, "append_on", gate)
    return gate


@pytest.fixture
def committer(pool: Pool) -> Iterator[GroupCommit]:
    """The committer of one process."""
    made = GroupCommit(pool)
    yield made
    made.close()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Threads that append."""
    with ThreadPoolExecutor(40) as threads:
        yield threads


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def held(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, *requests: Sequence[Append]
) -> list[Appended]:
    """A commit is under way, and held; behind it wait these requests, in this order."""
    gate.open.clear()
    jobs = [callers.submit(committer.append, [append("first", 0)])]
    until(lambda: len(gate.sizes) == 1)
    for request in requests:
        waiting = len(committer._queue)
        jobs.append(callers.submit(committer.append, request))
        until(lambda: len(committer._queue) == waiting + 1)  # noqa: B023  # called at once
    return jobs


def test_what_arrives_meanwhile_is_committed_together(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, log: Log
) -> None:
    jobs = held(gate, committer, callers, *([append(f"s{n}", 0)] for n in range(30)))
    gate.open.set()
    answers = [job.result(20)[0] for job in jobs]
    assert gate.sizes == [1, 30]
    assert [answer.position for answer in answers] == list(range(31))
    assert [row[3] for row in check_whole(log)] == ["first", *(f"s{n}" for n in range(30))]


def test_an_idle_ledger_commits_at_once(gate: Gate, committer: GroupCommit) -> None:
    for n in range(3):
        committer.append([append("a", n)])
    assert gate.sizes == [1, 1, 1]


def test_those_who_were_answered_together_are_waited_for(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 20.0)
    committer._answered, committer._took = 3, 40.0
    jobs = []
    for n in range(3):
        assert gate.sizes == []
        until(lambda: len(committer._queue) == n)  # noqa: B023  # called at once
        jobs.append(callers.submit(committer.append, [append(f"s{n}", 0)]))
    assert [job.result(10)[0].status for job in jobs] == ["recorded"] * 3
    assert gate.sizes == [3]


def test_those_who_do_not_come_again_are_not_waited_for_long(gate: Gate, committer: GroupCommit) -> None:
    committer._answered, committer._took = 3, 0.001
    for n in range(3):
        committer.append([append("a", n)])
    assert gate.sizes == [1, 1, 1]
    assert committer._answered == 1


def test_every_caller_gets_the_answers_to_his_own(
    committer: GroupCommit, callers: ThreadPoolExecutor, log: Log
) -> None:
    def one(n: int) -> None:
        for k in range(10):
            batch = [append(f"{n}", 2 * k), append(f"{n}", 99), append(f"{n}", 2 * k + 1)]
            first, bad, last = committer.append(batch)
            assert (first.status, first.version, bad) == ("recorded", 2 * k + 1, conflict(2 * k + 1))
            assert (last.status, last.version) == ("recorded", 2 * k + 2)
            assert first.position is not None
            assert last.position == first.position + 1

    for job in [callers.submit(one, n) for n in range(16)]:
        job.result(30)
    assert len(check_whole(log)) == 16 * 20


def test_a_batch_has_a_bound(gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, log: Log) -> None:
    requests = [[append(f"s{n}-{k}", 0) for k in range(400)] for n in range(4)]
    jobs = held(gate, committer, callers, *requests, [append(f"big-{k}", 0) for k in range(1500)])
    gate.open.set()
    for job in jobs:
        assert {answer.status for answer in job.result(20)} == {"recorded"}
    assert gate.sizes == [1, 800, 800, 1500]
    assert log.head().next_position == 3101


def test_what_is_to_be_recorded_together_is_a_batch_of_its_own(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, log: Log
) -> None:
    jobs = held(gate, committer, callers, [append("a", 0)], [append("b", 0)])
    good = callers.submit(committer.append_together, [append("c", 0), append("c", 1)])
    until(lambda: len(committer._queue) == 3)
    bad = callers.submit(committer.append_together, [append("d", 0), append("d", 7)])
    until(lambda: len(committer._queue) == 4)
    last = callers.submit(committer.append, [append("e", 0)])
    until(lambda: len(committer._queue) == 5)
    gate.open.set()
    assert [answer.status for answer in good.result(20) or ()] == ["recorded"] * 2
    assert bad.result(20) is None
    assert [job.result(20)[0].status for job in (*jobs, last)] == ["recorded"] * 4
    assert gate.sizes == [1, 2, 2, 2, 1]
    assert [row[3] for row in check_whole(log)] == ["first", "a", "b", "c", "c", "e"]


def test_past_the_bound_the_answer_is_busy(gate: Gate, pool: Pool, callers: ThreadPoolExecutor, log: Log) -> None:
    committer = GroupCommit(pool, max_waiting=4)
    jobs = held(gate, committer, callers, [append("a", 0), append("a", 1)], [append("b", 0)])
    with pytest.raises(Busy) as busy:
        committer.append([append("c", 0)])
    assert (busy.value.waiting, busy.value.retry_after) == (4, 1.0)
    assert committer.turned_away == 1
    gate.open.set()
    for job in jobs:
        assert {answer.status for answer in job.result(20)} == {"recorded"}
    # One that is larger than the bound is taken when nothing waits.
    assert len(committer.append([append(f"{n}", 0) for n in range(9)])) == 9
    assert len(check_whole(log)) == 13
    committer.close()


def test_an_append_that_fails_harms_no_other(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor, log: Log
) -> None:
    poison = "nul\x00"  # which PostgreSQL refuses, and with it the whole statement
    jobs = held(
        gate, committer, callers,
        [append("a", 0)], [append("b", 5)], [append(poison, 0), append("c", 0)], [append("d", 0, 0)], [append("e", 0)],
    )  # fmt: skip
    gate.open.set()
    assert [job.exception(20) is None for job in jobs] == [True, True, True, False, True, True]
    assert isinstance(jobs[3].exception(), psycopg.DataError)
    assert [job.result()[0].status for job in jobs if job is not jobs[3]] == [
        "recorded", "recorded", "conflict", "refused", "recorded",
    ]  # fmt: skip
    assert [row[3] for row in check_whole(log)] == ["first", "a", "e"]
    assert committer.append([append("c", 0)])[0].status == "recorded"


def test_closing_waits_for_no_answer(database: Database, committer: GroupCommit, callers: ThreadPoolExecutor) -> None:
    """Whoever waits is told that the outcome is unknown, and nobody goes on with a new connection."""
    committer.append([append("a", 0)])
    with psycopg.connect(database.owner) as owner:
        owner.execute("SELECT FROM ledger.head FOR UPDATE")  # so that the commit waits
        jobs = [callers.submit(committer.append, [append(f"s{n}", 0, key=key(f"{n}"))]) for n in range(10)]
        until(lambda: len(committer._queue) == 9)
        committer.close()
        assert {type(job.exception(20)) for job in jobs} == {DatabaseUnavailable}
    with pytest.raises(DatabaseUnavailable, match="closed"):
        committer.append([append("b", 0)])


def test_an_append_whose_commit_fails_is_not_answered(database: Database, committer: GroupCommit, log: Log) -> None:
    with failing_at_commit(database), pytest.raises(psycopg.IntegrityError, match="at commit"):
        committer.append([append("a", 0)])
    assert log.head().next_position == 0
    assert committer.append([append("a", 0)])[0].status == "recorded"


def test_a_connection_that_is_killed_while_idle_costs_one_answer(
    database: Database, committer: GroupCommit, log: Log
) -> None:
    committer.append([append("a", 0)])
    kill_committer(database, committer)
    with pytest.raises(DatabaseUnavailable, match="idempotency keys"):
        committer.append([append("a", 1, key=key("k"))])
    assert committer.append([append("a", 1, key=key("k"))])[0].status == "recorded"
    assert len(check_whole(log)) == 2


def test_a_connection_that_is_killed_in_a_commit_leaves_it_unknown(
    database: Database, committer: GroupCommit, callers: ThreadPoolExecutor, log: Log
) -> None:
    committer.append([append("a", 0)])
    with psycopg.connect(database.owner) as owner:
        owner.execute("SELECT FROM ledger.head FOR UPDATE")  # so that the commit waits
        jobs = [callers.submit(committer.append, [append(f"s{n}", 0, key=key(f"{n}"))]) for n in range(10)]
        until(lambda: len(committer._queue) == 9)
        kill_committer(database, committer)
        assert isinstance(jobs[0].exception(20), DatabaseUnavailable)
    again = [callers.submit(committer.append, [append(f"s{n}", 0, key=key(f"{n}"))]) for n in range(10)]
    assert {job.result(20)[0].status for job in again} <= {"recorded", "replayed"}
    assert len(check_whole(log)) == 11


def kill_committer(database: Database, committer: GroupCommit) -> None:
    pid = committer._kept.backend
    with psycopg.connect(database.owner, autocommit=True) as owner:
        kill(owner, pid)
        until(lambda: owner.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() is None)


def test_an_interrupted_leader_leaves_nobody_waiting(
    gate: Gate, committer: GroupCommit, callers: ThreadPoolExecutor
) -> None:
    jobs = held(gate, committer, callers, [append("a", 0)], [append("b", 0)])
    gate.error = KeyboardInterrupt()
    gate.open.set()
    for job in jobs[1:]:
        assert isinstance(job.exception(20), KeyboardInterrupt | DatabaseUnavailable)
    gate.error = None
    assert committer.append([append("a", 0)])[0].status == "recorded"


def test_a_standby_that_may_lack_the_events_leaves_it_unknown(database: Database, committer: GroupCommit) -> None:
    """A cancelled wait for a synchronous standby is a success with a warning: here a trigger gives it."""
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE WARNING 'canceling wait for synchronous replication due to user request'; RETURN NULL; END $$; "
            "CREATE TRIGGER warn AFTER UPDATE ON ledger.head FOR EACH STATEMENT EXECUTE FUNCTION warn()"
        )
        with pytest.raises(DatabaseUnavailable, match="canceling wait"):
            committer.append([append("a", 0, key=key("k"))])
        owner.execute("DROP TRIGGER warn ON ledger.head")
    assert committer.append([append("a", 0, key=key("k"))])[0].status == "replayed"


def test_a_database_out_of_reach_is_said_to_be_so(committer: GroupCommit, database: Database) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        name = sql.Identifier(owner.info.dbname)
        owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(name))
        with pytest.raises(DatabaseUnavailable):
            committer.append([append("a", 0)])
        owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(name))
    assert committer.append([append("a", 0)])[0].status == "recorded"
