"""Commands, each decided on the state of its task: single ones from concurrent writers."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anyio import CapacityLimiter

from bench.appends import by_tasks, by_threads
from bench.bulk import begin, report
from bench.cases import Done, case
from bench.support import database, timed
from ledger.services.answers import Recorded
from ledger.services.command_line import parse_line
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger
from ledger.settings import Settings
from ledger.store.database import Database
from ledger.store.loop_commit import LoopCommit

Lines = Sequence[bytes]


@contextmanager
def opened(conninfo: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with (
        tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder,
        database(conninfo) as made,
        Ledger(Settings(database_url=made, data_dir=Path(folder))) as ledger,
    ):
        yield ledger


def sixteen_at_once(ledger: Ledger, lines: Lines) -> float:
    """The seconds in which 16 tasks of an event loop record the lines, as the API's requests do."""

    async def work(committer: LoopCommit, mine: Lines) -> None:
        for line in mine:
            _check(await ledger.commands.handled(Submission(*parse_line(line)), committer, threads))

    async def all_writers() -> float:
        committer = ledger.loop_commit(100)
        await work(committer, lines[:16])
        start = time.perf_counter()
        await asyncio.gather(*(work(committer, lines[16 + writer :: 16]) for writer in range(16)))
        seconds = time.perf_counter() - start
        await committer.close()
        return seconds

    threads = CapacityLimiter(16)
    return asyncio.run(all_writers())


def one_by_one(ledger: Ledger, lines: Lines) -> float:
    """The same by one thread."""

    def work(mine: Lines) -> None:
        for line in mine:
            _check(*ledger.commands.handle([Submission(*parse_line(line))]))

    work(lines[:16])
    return timed(lambda: work(lines[16:]))


def _check(outcome: Outcome) -> None:
    assert isinstance(outcome, Recorded), outcome


def measured(conninfo: str, by: Callable[[Ledger, Lines], float], commands: int) -> Done:
    """Reports of progress with keys, on 1,000 tasks at random; parsed, decided, recorded."""
    chance = random.Random(16)
    with opened(conninfo) as ledger:
        begin(ledger)
        seconds = by(ledger, [report(chance.randrange(1_000), n) for n in range(commands + 16)])
    return Done(commands, seconds)


def bare(conninfo: str, by: Callable[[int, int, Database], float], writers: int, appends: int) -> Done:
    """The same writers with nothing to decide."""
    with opened(conninfo) as ledger:
        seconds = by(writers, appends, ledger.database)
    return Done(appends // writers * writers, seconds)


@case("commands", "commands, 16 writers", share=0.1)
def sixteen(conninfo: str, events: int) -> Done:
    """In one process."""
    return measured(conninfo, sixteen_at_once, events)


@case("commands", "bare appends, 16 writers", share=0.2)
def bare_sixteen(conninfo: str, events: int) -> Done:
    """In one process."""
    return bare(conninfo, by_tasks, 16, events)


@case("commands", "commands, 1 writer", share=0.04)
def one(conninfo: str, events: int) -> Done:
    """In one process."""
    return measured(conninfo, one_by_one, events)


@case("commands", "bare appends, 1 writer", share=0.04)
def bare_one(conninfo: str, events: int) -> Done:
    """In one process."""
    return bare(conninfo, by_threads, 1, events)
