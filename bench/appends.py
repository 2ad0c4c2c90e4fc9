"""Single events, each an append of its own, durable when it is answered: ours, through group commit."""

from __future__ import annotations

import multiprocessing
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier

from bench.cases import Done, case
from bench.support import database, timed
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit

STATE = b'{"data":"' + b"x" * 380 + b'"}'
TYPE = "bench.event"


def by_writers(writers: int, appends: int, committer: GroupCommit) -> float:
    """The seconds that so many concurrent writers take for so many appends, each to a stream of its own."""

    def work() -> None:
        chance = random.Random(uuid.uuid4().int)  # uuid4 itself asks the system, and lets the other threads go first
        for _ in range(appends // writers):
            (answer,) = committer.append([Append(f"task/{chance.getrandbits(128):032x}", 0, ((TYPE, STATE),))])
            assert answer.status == "recorded"

    def all_writers() -> None:
        with ThreadPoolExecutor(writers) as pool:
            for job in [pool.submit(work) for _ in range(writers)]:
                job.result()

    return timed(all_writers)


def measured(conninfo: str, writers: int, appends: int) -> Done:
    """Appends by the writers of this process, in a fresh ledger."""
    with database(conninfo) as made:
        ledger = Database(made)
        committer = GroupCommit(ledger)
        by_writers(writers, max(appends // 10, writers), committer)
        seconds = by_writers(writers, appends, committer)
        committer.close()
        ledger.close()
    return Done(appends // writers * writers, seconds)


@case("appends-1", "ledger, 1 writer", share=0.05)
def one_writer(conninfo: str, events: int) -> Done:
    """Nobody to share a commit with."""
    return measured(conninfo, 1, events)


@case("appends-16", "ledger, 16 writers", share=0.25)
def sixteen_writers(conninfo: str, events: int) -> Done:
    """One process, one connection."""
    return measured(conninfo, 16, events)


@case("appends-16", "ledger, 4 processes of 4 writers", share=0.25)
def four_processes(conninfo: str, events: int) -> Done:
    """Four committers that contend for the head of the log."""
    context = multiprocessing.get_context("spawn")
    with database(conninfo) as made:
        barrier = context.Barrier(5)
        processes = [context.Process(target=_a_process, args=(made, events // 4, barrier)) for _ in range(4)]
        for process in processes:
            process.start()
        barrier.wait(60)

        def end() -> None:
            for process in processes:
                process.join()

        seconds = timed(end)
        assert [process.exitcode for process in processes] == [0] * 4
    return Done(events // 16 * 16, seconds)


def _a_process(conninfo: str, appends: int, barrier: Barrier) -> None:
    ledger = Database(conninfo)
    committer = GroupCommit(ledger)
    by_writers(4, 40, committer)
    barrier.wait(60)
    by_writers(4, appends, committer)
    committer.close()
    ledger.close()
