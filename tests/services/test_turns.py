"""Turns: of threads and tasks that ask for the same stream one has it at a time, and it is never lost."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.effort import EFFORT
from tests.support.interrupting import interrupted

from ledger.services.turns import Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_streams_do_not_wait_for_each_other(turns: Turns) -> None:
    with turns.of_thread("a"), turns.of_thread("b"):
        assert turns.waiting == 0
    assert turns._taken == {}


def test_whoever_came_first_is_served_first(turns: Turns) -> None:
    served: list[int] = []

    async def one(n: int) -> None:
        async with turns.of_task("s"):
            served.append(n)
            await asyncio.sleep(0)

    async def work() -> None:
        async with turns.of_task("s"):
            jobs = [asyncio.create_task(one(n)) for n in range(10)]
            await asyncio.sleep(0)
            assert (turns.waiting, served) == (10, [])
        await asyncio.gather(*jobs)

    asyncio.run(work())
    assert served == list(range(10))
    assert turns._taken == {}


def test_a_cancelled_task_gives_way(turns: Turns) -> None:
    """One while it waits, and one whose turn has just come but that has not gone on yet."""
    served: list[str] = []

    async def one(name: str) -> None:
        async with turns.of_task("s"):
            served.append(name)

    async def work() -> None:
        async with turns.of_task("s"):
            waiting, woken, last = (asyncio.create_task(one(name)) for name in ("waiting", "woken", "last"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.sleep(0)
        woken.cancel()
        await last

    asyncio.run(work())
    assert served == ["last"]
    assert turns._taken == {}


def test_a_loop_that_was_closed_does_not_keep_the_turn(turns: Turns) -> None:
    async def wait() -> None:
        async with turns.of_task("s"):
            raise AssertionError

    def go_on() -> None:
        with turns.of_thread("s"):
            pass

    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as threads:
        with turns.of_thread("s"):
            task = loop.create_task(wait())
            loop.run_until_complete(asyncio.sleep(0))
            job = threads.submit(go_on)
            while turns.waiting < 2:
                assert not job.done()
            loop.close()
        job.result(20)
    assert not task.done()
    assert turns._taken == {}


def test_one_has_it_at_a_time_whoever_they_are(turns: Turns) -> None:
    inside: Counter[str] = Counter()
    entered: Counter[str] = Counter()
    mutex = threading.Lock()

    def enter(stream: str) -> None:
        with mutex:
            inside[stream] += 1
            entered[stream] += 1
            assert inside[stream] == 1

    def leave(stream: str) -> None:
        with mutex:
            inside[stream] -= 1

    async def task(chance: random.Random) -> None:
        for _ in range(100 * EFFORT):
            async with turns.of_task(stream := chance.choice("abc")):
                enter(stream)
                await asyncio.sleep(0)
                leave(stream)

    def thread(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(100 * EFFORT):
            with turns.of_thread(stream := chance.choice("abc")):
                enter(stream)
                leave(stream)

    async def tasks(seed: int) -> None:
        await asyncio.gather(*(task(random.Random(seed + n)) for n in range(5)))

    with ThreadPoolExecutor(6) as threads:
        jobs = [threads.submit(thread, n) for n in range(4)]
        jobs += [threads.submit(lambda seed=seed: asyncio.run(tasks(seed))) for seed in (50, 60)]
        for job in jobs:
            job.result(60)
    assert entered.total() == 14 * 100 * EFFORT
    assert turns._taken == {}


def test_a_thread_that_is_interrupted_gives_way(turns: Turns) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.of_thread("s"):
            begun.set()
            assert go_on.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(20)
    with interrupted(lambda: turns.waiting == 1), turns.of_thread("s"):
        pytest.fail("it is not its turn")
    assert turns.waiting == 0
    go_on.set()
    holder.join()
    assert turns._taken == {}
