"""Writers that compete for a few streams, in threads and in processes."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.queues import Queue
from pathlib import Path

from ledger.errors import DatabaseUnavailable
from ledger.store.append import Answer, Append, IdempotencyKey
from ledger.store.database import Database as Pool
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.loop_commit import LoopCommit
from ledger.store.recorder import LedgerRecorder

STREAMS = ("s0", "s1", "s2", "s3", "s4")
Done = tuple[str, int, int]
"""(name of a command, its first position, how many events it has), as its writer was told."""
Commands = Generator[Append, Answer | None]


def write(recorder: LedgerRecorder, log: Log, who: str, count: int) -> list[Done]:
    """`count` commands of one writer, each put until it is recorded, now and then twice."""
    chance = random.Random(who)
    done: list[Done] = []
    for n in range(count):
        name = f"{who}-{n}"
        key = IdempotencyKey("U1", name, name.encode().ljust(32))
        events = tuple(("t", json.dumps({"by": name, "k": k}).encode()) for k in range(chance.randint(1, 3)))
        while len(done) == n:
            stream = chance.choice(STREAMS)
            at = log.stream_versions([stream]).get(stream, 0)
            (answer,) = recorder.append([Append(stream, at, events, key=key)])
            if answer.position is not None:
                done.append((name, answer.position, len(events)))
        if chance.random() < 0.2:  # as a client that has not heard the answer
            (again,) = recorder.append([Append("elsewhere", 0, events, key=key)])
            assert (again.status, again.position) == ("replayed", done[-1][1])
    return done


def write_in_a_process(conninfo: str, who: str, count: int, answers: Queue[list[Done]]) -> None:
    """Two writers of a process of their own; what they were told goes into the queue."""
    pool = Pool(conninfo, pool_size=4)
    log, recorder = Log(pool), LedgerRecorder(pool)
    with ThreadPoolExecutor(2) as writers:
        jobs = [writers.submit(write, recorder, log, f"{who}.{n}", count) for n in range(2)]
        answers.put([each for job in jobs for each in job.result()])
    pool.close()


def events_of(name: str) -> tuple[tuple[str, bytes], ...]:
    """The events of the command of that name, the same whoever puts it again."""
    count = random.Random(name).randint(1, 3)
    return tuple(("t", json.dumps({"by": name, "k": k}).encode()) for k in range(count))


def write_on(conninfo: str, who: str, writers: int, count: int, folder: Path) -> None:
    """So many writers of one process, through a group commit, put `count` commands each until they are told of them.

    They are threads or tasks by turns. Each writes down what it was told, and goes on behind that when the process is
    started again.
    """
    pool = Pool(conninfo, pool_size=writers)
    log = Log(pool)
    commands = [_commands(log, f"{who}.{n}", count, folder) for n in range(writers)]
    committer = GroupCommit(pool)
    with ThreadPoolExecutor(writers) as threads:
        jobs = [threads.submit(_by_thread, committer, each) for each in commands[::2]]
        asyncio.run(_by_tasks(pool, commands[1::2]))
        for job in jobs:
            job.result()
    committer.close()
    pool.close()


def _by_thread(committer: GroupCommit, commands: Commands) -> None:
    with suppress(StopIteration):
        asked = next(commands)
        while True:
            try:
                (answer,) = committer.append([asked])
            except DatabaseUnavailable:
                answer = None
            asked = commands.send(answer)


async def _by_tasks(pool: Pool, writers: Sequence[Commands]) -> None:
    committer = LoopCommit(pool, 100)
    await asyncio.gather(*(_by_task(committer, each) for each in writers))
    await committer.close()


async def _by_task(committer: LoopCommit, commands: Commands) -> None:
    with suppress(StopIteration):
        asked = next(commands)
        while True:
            try:
                answer = await committer.append(asked)
            except DatabaseUnavailable:
                answer = None
            asked = commands.send(answer)


def _commands(log: Log, who: str, count: int, folder: Path) -> Commands:
    """What one writer asks for; it is told the answer, or None when it is unknown whether that was recorded."""
    chance = random.Random()
    file = os.open(folder / who, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for n in range(len(told(folder / who)), count):
        name = f"{who}-{n}"
        events = events_of(name)
        key = IdempotencyKey("U1", name, name.encode().ljust(32))
        position = None
        while position is None:
            stream = chance.choice(STREAMS)
            try:
                at = log.stream_versions([stream]).get(stream, 0)
            except DatabaseUnavailable:
                continue
            answer = yield Append(stream, at, events, key=key)
            position = answer.position if answer is not None else None  # when it is unknown, the key tells
        os.write(file, f"{name} {position} {len(events)}\n".encode())
    os.close(file)


def told(file: Path) -> Sequence[Done]:
    """What a writer has written down."""
    if not file.exists():
        return []
    rows = (line.split() for line in file.read_text().splitlines())
    return [(name, int(position), int(size)) for name, position, size in rows]
