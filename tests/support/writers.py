"""Writers that compete for a few streams, in threads and in processes."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue

from ledger.store.append import Append, IdempotencyKey
from ledger.store.database import Database as Pool
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

STREAMS = ("s0", "s1", "s2", "s3", "s4")
Done = tuple[str, int, int]
"""(name of a command, its first position, how many events it has), as its writer was told."""


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
