"""Group commit for the tasks of an event loop: what they append while a commit is under way goes with the next."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import psycopg
import pytest
import uvloop
from psycopg import sql
from tests.conftest import Database
from tests.store.test_append import append, check_whole, failing_at_commit, key, kill
from tests.store.test_group_commit import until

from ledger.errors import Busy, DatabaseUnavailable
from ledger.store import loop_commit
from ledger.store.append import Answer, Append
from ledger.store.database import Connection
from ledger.store.database import Database as Pool
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.loop_commit import LoopCommit
from ledger.store.prepared import Prepared, Sent

T = TypeVar("T")
SECONDS = 20


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the groups that were sent."""
    seen: list[int] = []
    packed = loop_commit.arguments_of

    def counted(appends: Sequence[Append]) -> list[bytes | None]:
        seen.append(len(appends))
        return packed(appends)

    monkeypatch.setattr(loop_commit, "arguments_of", counted)
    return seen


def run(pool: Pool, work: Callable[[LoopCommit], Awaitable[T]], max_waiting: int = 1_000) -> T:
    """What the work gives, in an event loop with a committer."""

    async def all_of_it() -> T:
        committer = LoopCommit(pool, max_waiting)
        try:
            async with asyncio.timeout(SECONDS):
                return await work(committer)
        finally:
            await committer.close()

    return asyncio.run(all_of_it())


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """No commit gets on."""
    with psycopg.connect(database.owner) as owner:
        owner.execute("SELECT FROM ledger.head FOR UPDATE")
        yield


def begun(committer: LoopCommit, *appends: Append) -> list[asyncio.Task[Answer]]:
    return [asyncio.create_task(committer.append(each)) for each in appends]


async def soon(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.001)


@asynccontextmanager
async def held(
    database: Database, committer: LoopCommit, sizes: Sequence[int], *appends: Append
) -> AsyncIterator[list[asyncio.Task[Answer]]]:
    """A commit is under way and held as long as the context; behind it wait these."""
    with locked(database):
        jobs = begun(committer, append("first", 0))
        await soon(lambda: bool(sizes))
        jobs += begun(committer, *appends)
        await asyncio.sleep(0)
        yield jobs


async def answers(jobs: Sequence[asyncio.Task[Answer]]) -> list[Answer]:
    return list(await asyncio.gather(*jobs))


def test_what_comes_meanwhile_is_committed_together(database: Database, pool: Pool, log: Log, sizes: list[int]) -> None:
    async def work(committer: LoopCommit) -> list[Answer]:
        async with held(database, committer, sizes, *(append(f"s{n}", 0) for n in range(30))) as jobs:
            assert committer.waiting == 31
        return await answers(jobs)

    found = run(pool, work)
    assert sizes == [1, 30]
    assert [answer.position for answer in found] == list(range(31))
    assert [row[3] for row in check_whole(log)] == ["first", *(f"s{n}" for n in range(30))]


def test_an_idle_ledger_commits_at_once(pool: Pool, sizes: list[int]) -> None:
    async def work(committer: LoopCommit) -> None:
        for n in range(3):
            assert (await committer.append(append("a", n))).version == n + 1

    run(pool, work)
    assert sizes == [1, 1, 1]


def test_those_who_were_answered_together_are_waited_for(
    pool: Pool, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_commit, "PATIENCE", 100.0)

    async def work(committer: LoopCommit) -> None:
        await committer.append(append("a", 0))
        committer._answered, committer._ended = 3, committer._loop.time()
        committer._began = committer._ended - 2 * SECONDS
        jobs = []
        for n in range(3):
            await asyncio.sleep(0.01)
            assert sizes == [1]
            jobs += begun(committer, append(f"s{n}", 0))
        await answers(jobs)

    run(pool, work)
    assert sizes == [1, 3]


def test_those_who_do_not_come_again_are_not_waited_for_long(pool: Pool, sizes: list[int]) -> None:
    async def work(committer: LoopCommit) -> None:
        await answers(begun(committer, *(append(f"s{n}", 0) for n in range(3))))
        for n in range(3):
            await committer.append(append("a", n))

    run(pool, work)
    assert sizes == [3, 1, 1, 1]


def test_a_group_has_a_bound_and_may_be_larger_than_a_socket_takes(
    database: Database, pool: Pool, log: Log, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_commit, "MAX_BATCH", 100)
    large = (("t", b'{"x":"' + b"x" * 60_000 + b'"}'),)

    async def work(committer: LoopCommit) -> list[Answer]:
        async with held(database, committer, sizes, *(Append(f"s{n}", 0, large) for n in range(250))) as jobs:
            pass
        return await answers(jobs)

    assert {answer.status for answer in run(pool, work)} == {"recorded"}
    assert sizes == [1, 100, 100, 50]
    assert len(check_whole(log)) == 251


def test_past_the_bound_the_answer_is_busy(database: Database, pool: Pool, log: Log, sizes: list[int]) -> None:
    async def work(committer: LoopCommit) -> None:
        async with held(database, committer, sizes, append("a", 0), append("b", 0)) as jobs:
            with pytest.raises(Busy) as busy:
                await committer.append(append("c", 0))
            assert (busy.value.waiting, committer.turned_away) == (3, 1)
        await answers(jobs)
        await committer.append(append("c", 0))

    run(pool, work, max_waiting=3)
    assert len(check_whole(log)) == 4


def test_an_append_that_fails_harms_no_other(database: Database, pool: Pool, log: Log, sizes: list[int]) -> None:
    """PostgreSQL refuses the NUL, and a version beyond 32 bits cannot even be sent: both fail for their whole group."""
    wrong = (append("nul\x00", 0), append("far", 2**40))

    async def work(committer: LoopCommit) -> list[Answer | BaseException]:
        some = (append("a", 0), append("b", 5), wrong[0], append("d", 0, 0), wrong[1], append("e", 0))
        async with held(database, committer, sizes, *some) as jobs:
            pass
        return await asyncio.gather(*jobs, return_exceptions=True)

    found = run(pool, work)
    assert [each.status if isinstance(each, Answer) else None for each in found] == [
        "recorded", "recorded", "conflict", None, "refused", None, "recorded",
    ]  # fmt: skip
    assert isinstance(found[3], psycopg.DataError)
    assert sizes == [1, 6, 1, 1, 1, 1, 1, 1]
    assert [row[3] for row in check_whole(log)] == ["first", "a", "e"]


def test_what_a_cancelled_task_has_not_sent_is_not_recorded(
    database: Database, pool: Pool, log: Log, sizes: list[int]
) -> None:
    async def work(committer: LoopCommit) -> None:
        async with held(database, committer, sizes, append("a", 0), append("b", 0)) as (first, second, third):
            first.cancel()
            second.cancel()
            await asyncio.sleep(0)
        assert (await third).position == 1
        with pytest.raises(asyncio.CancelledError):
            await first

    run(pool, work)
    assert [row[3] for row in check_whole(log)] == ["first", "b"]


def test_when_all_are_cancelled_the_next_one_is_served(
    database: Database, pool: Pool, log: Log, sizes: list[int]
) -> None:
    async def work(committer: LoopCommit) -> None:
        async with held(database, committer, sizes, append("a", 0)) as (first, second):
            second.cancel()
        await first
        await committer.append(append("c", 0))

    run(pool, work)
    assert [row[3] for row in check_whole(log)] == ["first", "c"]


def kill_committer(database: Database, committer: LoopCommit) -> None:
    assert committer._connection is not None
    pid = committer._connection.info.backend_pid
    with psycopg.connect(database.owner, autocommit=True) as owner:
        kill(owner, pid)
        until(lambda: owner.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() is None)


def test_appends_whose_commit_fails_are_not_answered(database: Database, pool: Pool, log: Log) -> None:
    async def work(committer: LoopCommit) -> None:
        with failing_at_commit(database):
            for job in begun(committer, append("a", 0), append("b", 0)):
                with pytest.raises(psycopg.IntegrityError, match="at commit"):
                    await job
        assert log.head().next_position == 0
        assert (await committer.append(append("a", 0))).status == "recorded"

    run(pool, work)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_server_that_goes_while_it_is_sent_something_is_missed_by_every_loop(
    database: Database, pool: Pool, new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last words and the loss of the connection come at once, and uvloop tells of a lost connection only once."""
    send = Prepared.send

    async def work() -> None:
        committer = LoopCommit(pool, 10)
        await committer.append(append("a", 0))
        assert committer._connection is not None
        pid = committer._connection.info.backend_pid

        def send_to_one_that_goes(self: Prepared, connection: Connection, arguments: Sequence[bytes | None]) -> Sent:
            if connection.info.backend_pid != pid:
                return send(self, connection, arguments)
            with psycopg.connect(database.owner, autocommit=True) as owner:
                os.kill(pid, signal.SIGSTOP)
                owner.execute("SELECT pg_terminate_backend(%s)", (pid,))
                sent = send(self, connection, arguments)
                sent.is_flushed()
                os.kill(pid, signal.SIGCONT)
                until(lambda: owner.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() is None)
            return sent

        monkeypatch.setattr(Prepared, "send", send_to_one_that_goes)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(DatabaseUnavailable, match="idempotency keys"):
                await committer.append(append("a", 1))
            assert (await committer.append(append("b", 0))).status == "recorded"
        await committer.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(work())


def test_a_connection_that_is_killed_while_idle_costs_nothing(database: Database, pool: Pool, log: Log) -> None:
    """The loop hears of it before anything is sent."""

    async def work(committer: LoopCommit) -> None:
        await committer.append(append("a", 0))
        kill_committer(database, committer)
        await soon(lambda: committer._connection is None)
        assert (await committer.append(append("a", 1))).status == "recorded"

    run(pool, work)
    assert len(check_whole(log)) == 2


def test_a_connection_that_is_killed_in_a_commit_leaves_it_unknown(
    database: Database, pool: Pool, log: Log, sizes: list[int]
) -> None:
    appends = [append(f"s{n}", 0, key=key(f"{n}")) for n in range(10)]

    async def work(committer: LoopCommit) -> list[Answer]:
        async with held(database, committer, sizes, *appends) as jobs:
            kill_committer(database, committer)
            with pytest.raises(DatabaseUnavailable, match="idempotency keys"):
                await jobs[0]
        await answers(jobs[1:])
        return await answers(begun(committer, *appends))

    assert {answer.status for answer in run(pool, work)} == {"replayed"}
    assert [row[3] for row in check_whole(log)] == [f"s{n}" for n in range(10)]


def test_a_standby_that_may_lack_the_events_leaves_it_unknown(database: Database, pool: Pool) -> None:
    async def work(committer: LoopCommit) -> None:
        with psycopg.connect(database.owner, autocommit=True) as owner:
            owner.execute(
                "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE WARNING 'canceling wait for synchronous replication due to user request'; RETURN NULL; END $$; "
                "CREATE TRIGGER warn AFTER UPDATE ON ledger.head FOR EACH STATEMENT EXECUTE FUNCTION warn()"
            )
            with pytest.raises(DatabaseUnavailable, match="canceling wait"):
                await committer.append(append("a", 0, key=key("k")))
            owner.execute("DROP TRIGGER warn ON ledger.head")
        assert (await committer.append(append("a", 0, key=key("k")))).status == "replayed"

    run(pool, work)


def test_a_database_out_of_reach_is_said_to_be_so(database: Database, pool: Pool) -> None:
    async def work(committer: LoopCommit) -> None:
        with psycopg.connect(database.owner, autocommit=True) as owner:
            name = sql.Identifier(owner.info.dbname)
            owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 0").format(name))
            for job in begun(committer, append("a", 0), append("b", 0)):
                with pytest.raises(DatabaseUnavailable, match="could not be reached"):
                    await job
            owner.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(name))
        assert (await committer.append(append("a", 0))).status == "recorded"

    run(pool, work)


def test_whoever_waits_when_it_is_closed_is_told(database: Database, pool: Pool, sizes: list[int]) -> None:
    async def work(committer: LoopCommit) -> None:
        async with held(database, committer, sizes, append("a", 0)) as jobs:
            await committer.close()
            for job in jobs:
                with pytest.raises(DatabaseUnavailable, match="unknown"):
                    await job

    run(pool, work)


def test_one_that_is_closed_while_it_waits_for_others_waits_no_more(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_commit, "PATIENCE", 100.0)

    async def work(committer: LoopCommit) -> None:
        await answers(begun(committer, *(append(f"s{n}", 0) for n in range(3))))
        committer._began = committer._ended - 2 * SECONDS
        (late,) = begun(committer, append("late", 0))
        await asyncio.sleep(0)
        assert committer._timer is not None
        await committer.close()
        assert committer._timer is None
        with pytest.raises(DatabaseUnavailable):
            await late

    run(pool, work)


def test_threads_and_tasks_of_one_process_append_side_by_side(pool: Pool, log: Log) -> None:
    """Each by its own committer, on the same streams: conflicts are told, and nothing is lost or doubled."""
    threads = GroupCommit(pool)

    async def one(put: Callable[[Append], Awaitable[Answer]], who: str) -> list[int | None]:
        told: list[int | None] = []
        at = 0
        while len(told) < 20:
            answer = await put(append("shared", at, key=key(f"{who}-{len(told)}")))
            at = answer.version or 0
            if answer.status == "recorded":
                told.append(answer.position)
        return told

    async def in_thread(each: Append) -> Answer:
        return (await asyncio.to_thread(threads.append, [each]))[0]

    async def work(committer: LoopCommit) -> list[list[int | None]]:
        writers = [one(committer.append, f"task{n}") for n in range(4)]
        return await asyncio.gather(*writers, *(one(in_thread, f"thread{n}") for n in range(4)))

    told = run(pool, work)
    threads.close()
    assert sorted(position for each in told for position in each if position is not None) == list(range(160))
    assert len(check_whole(log)) == 160
