"""Single events, each an append of its own, durable when it is answered: ours, through group commit.

Writers are tasks of one event loop, as the requests of the API are, or threads, as of a program that uses the ledger.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier

import psycopg

from bench.apart import largest_memory
from bench.cases import Done, case
from bench.support import database, timed
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit
from ledger.store.loop_commit import LoopCommit

STATE = b'{"data":"' + b"x" * 380 + b'"}'
TYPE = "bench.event"


def by_tasks(writers: int, appends: int, database_: Database, kind: str = "task") -> float:
    """The seconds that so many concurrent tasks take for so many appends, each to a stream of its own."""

    async def work(committer: LoopCommit, count: int) -> None:
        for append in _made(count, kind):
            assert (await committer.append(append)).status == "recorded"

    async def all_writers() -> float:
        committer = LoopCommit(database_, 100)
        await committer.append(*_made(1))  # it connects
        start = time.perf_counter()
        await asyncio.gather(*(work(committer, appends // writers) for _ in range(writers)))
        seconds = time.perf_counter() - start
        await committer.close()
        return seconds

    return asyncio.run(all_writers())


def by_threads(writers: int, appends: int, database_: Database) -> float:
    """The same by threads."""
    committer = GroupCommit(database_)

    def work(count: int) -> None:
        for append in _made(count):
            (answer,) = committer.append([append])
            assert answer.status == "recorded"

    def all_writers() -> None:
        with ThreadPoolExecutor(writers) as pool:
            for job in [pool.submit(work, appends // writers) for _ in range(writers)]:
                job.result()

    work(1)  # it connects
    seconds = timed(all_writers)
    committer.close()
    return seconds


def _made(count: int, kind: str = "task") -> Iterator[Append]:
    chance = random.Random(uuid.uuid4().int)  # uuid4 itself asks the system, and lets the other threads go first
    for _ in range(count):
        yield Append(f"{kind}/{chance.getrandbits(128):032x}", 0, ((TYPE, STATE),))


def measured(conninfo: str, by: Callable[[int, int, Database], float], writers: int, appends: int) -> Done:
    """Appends by the writers of this process, in a fresh ledger."""
    with database(conninfo) as made:
        ledger = Database(made)
        by(writers, max(appends // 10, writers), ledger)
        seconds = by(writers, appends, ledger)
        ledger.close()
    return Done(appends // writers * writers, seconds)


@case("appends-1", "ledger, 1 writer", share=0.05)
def one_writer(conninfo: str, events: int) -> Done:
    """Nobody to share a commit with."""
    return measured(conninfo, by_threads, 1, events)


@case("appends-16", "ledger, 16 writers", share=0.25)
def sixteen_writers(conninfo: str, events: int) -> Done:
    """One process, one connection."""
    return measured(conninfo, by_tasks, 16, events)


@case("appends-16", "ledger, 16 threads", share=0.25)
def sixteen_threads(conninfo: str, events: int) -> Done:
    """One process, one connection."""
    return measured(conninfo, by_threads, 16, events)


@case("appends-16", "ledger, 4 processes of 4 writers", share=0.25)
def four_processes(conninfo: str, events: int) -> Done:
    """Four committers that contend for the head of the log."""
    context = multiprocessing.get_context("spawn")
    each = events // 16 * 4
    names = [f"process-{number}" for number in range(4)]
    with database(conninfo) as made:
        barrier = context.Barrier(5)
        processes = [context.Process(target=_a_process, args=(made, each, barrier, name)) for name in names]
        for process in processes:
            process.start()
        barrier.wait(60)

        def end() -> None:
            for process in processes:
                process.join()

        seconds = timed(end)
        assert [process.exitcode for process in processes] == [0] * 4
        memory = largest_memory()  # before this process reads what they have recorded
        fairness = _slowest_of_fastest(made, names, each)
    return Done(4 * each, seconds, memory, {"slowest ÷ fastest process": fairness})


def _a_process(conninfo: str, appends: int, barrier: Barrier, name: str) -> None:
    ledger = Database(conninfo)
    by_tasks(4, 40, ledger)
    barrier.wait(60)
    by_tasks(4, appends, ledger, name)
    ledger.close()


def _slowest_of_fastest(conninfo: str, names: Sequence[str], each: int) -> float:
    """What the slowest process had recorded when the fastest was done, as a share of that: 1 when the lock is fair.

    Not by the time that each took: when one is done, the others go faster.
    """
    with psycopg.connect(conninfo) as connection:
        recorded = connection.execute(
            "SELECT split_part(stream, '/', 1) AS process FROM ledger.log"
            " WHERE split_part(stream, '/', 1) = ANY(%s) ORDER BY position",
            (list(names),),
        ).fetchall()
    counts = dict.fromkeys(names, 0)
    for (name,) in recorded:
        counts[name] += 1
        if counts[name] == each:
            break
    return min(counts.values()) / each
