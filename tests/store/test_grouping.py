"""Requests that go together: whoever leaves, the others are worked on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support.interrupting import interrupted

from ledger.store.grouping import Grouping, Request


class Doubled(Grouping[int, int]):
    """Gives back the double of what it is asked, a group at a time, once its gate is open."""

    def __init__(self) -> None:
        super().__init__(lambda: RuntimeError("interrupted"))
        self.gate = threading.Event()
        self.worked: list[list[int]] = []
        self.gone: list[int] = []

    def work(self, group: Sequence[Request[int, int]]) -> None:
        self.worked.append([request.asked for request in group])
        assert self.gate.wait(20)
        for request in group:
            request.told = 2 * request.asked

    def left(self, request: Request[int, int]) -> None:
        self.gone.append(request.asked)


def test_whoever_is_interrupted_while_waiting_is_not_waited_for() -> None:
    grouping = Doubled()
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(grouping.take, 1)
        while not grouping.worked:
            assert not first.done()
        with interrupted(lambda: len(grouping._queue) == 1):
            grouping.take(2)
        assert (grouping.gone, len(grouping._queue)) == ([2], 0)
        grouping.gate.set()
        assert first.result(20) == 2
    assert grouping.take(3) == 6
    assert grouping.worked == [[1], [3]]


def test_a_lead_that_comes_to_one_who_was_interrupted_is_not_lost() -> None:
    grouping = Doubled()
    grouping.gate.set()
    heir: Request[int, int] = Request(1)
    waiting: Request[int, int] = Request(2)
    grouping._queue.extend((heir, waiting))
    grouping._leading = heir.leads = True
    grouping._abandon(heir)
    assert (heir.told, waiting.told, grouping._leading) == (2, 4, False)
