"""Commands, each decided on the state of its task: single ones from concurrent writers."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.appends import by_writers
from bench.bulk import begin, report
from bench.cases import Done, case
from bench.support import database, timed
from ledger.services.answers import Recorded
from ledger.services.command_line import parse_line
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger
from ledger.settings import Settings


@contextmanager
def opened(conninfo: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with (
        tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder,
        database(conninfo) as made,
        Ledger(Settings(database_url=made, data_dir=Path(folder))) as ledger,
    ):
        yield ledger


def measured(conninfo: str, writers: int, commands: int) -> Done:
    """Reports of progress with keys, on 1,000 tasks at random; parsed, decided, recorded."""
    with opened(conninfo) as ledger:
        begin(ledger)

        def work(writer: int, count: int) -> None:
            chance = random.Random(writer)
            for n in range(count):
                line = report(chance.randrange(1_000), writer * 1_000_000 + n)
                (outcome,) = ledger.commands.handle([Submission(*parse_line(line))])
                assert isinstance(outcome, Recorded), outcome

        def all_writers() -> None:
            with ThreadPoolExecutor(writers) as pool:
                for job in [pool.submit(work, n, commands // writers) for n in range(writers)]:
                    job.result()

        work(99, 100)
        seconds = timed(all_writers)
    return Done(commands // writers * writers, seconds)


def bare(conninfo: str, writers: int, appends: int) -> Done:
    """The same writers with nothing to decide."""
    with opened(conninfo) as ledger:
        by_writers(writers, writers * 10, ledger.committer)
        seconds = by_writers(writers, appends, ledger.committer)
    return Done(appends // writers * writers, seconds)


@case("commands", "commands, 16 writers", share=0.1)
def sixteen(conninfo: str, events: int) -> Done:
    """In one process."""
    return measured(conninfo, 16, events)


@case("commands", "bare appends, 16 writers", share=0.2)
def bare_sixteen(conninfo: str, events: int) -> Done:
    """In one process."""
    return bare(conninfo, 16, events)


@case("commands", "commands, 1 writer", share=0.04)
def one(conninfo: str, events: int) -> Done:
    """In one process."""
    return measured(conninfo, 1, events)


@case("commands", "bare appends, 1 writer", share=0.04)
def bare_one(conninfo: str, events: int) -> Done:
    """In one process."""
    return bare(conninfo, 1, events)
