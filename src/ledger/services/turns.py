"""Turns: those who decide on one stream at the same time, in one process, do it one after the other.

Of two that decided on the same version one would have a conflict, and all who share its commit would wait the longer.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

Wake = Callable[[], None]


class Turns:
    """Of threads and of tasks of event loops, by the name of a stream; first come, first served."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken: dict[str, deque[Wake]] = {}
        """By stream of which it is somebody's turn: how to wake those who wait for theirs."""

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._mutex:
            return sum(map(len, self._taken.values()))

    @contextmanager
    def of_thread(self, stream: str) -> Iterator[None]:
        """It is this thread's turn inside the context; blocks until then."""
        if not self._take(stream):
            mine = threading.Lock()
            mine.acquire()
            if not self._take(stream, mine.release):
                try:
                    mine.acquire()
                except BaseException:  # an interrupt
                    self._leave(stream, mine.release)
                    raise
        try:
            yield
        finally:
            self._pass_on(stream)

    @asynccontextmanager
    async def of_task(self, stream: str) -> AsyncIterator[None]:
        """It is this task's turn inside the context; its event loop goes on until then."""
        if not self._take(stream):
            loop = asyncio.get_running_loop()
            mine: asyncio.Future[None] = loop.create_future()

            def wake() -> None:
                loop.call_soon_threadsafe(_set, mine)

            if not self._take(stream, wake):
                try:
                    await mine
                except asyncio.CancelledError:
                    self._leave(stream, wake)
                    raise
        try:
            yield
        finally:
            self._pass_on(stream)

    def _take(self, stream: str, wake: Wake | None = None) -> bool:
        """Whether it was nobody's turn, and so is the caller's now; if not, `wake` is called when it is."""
        with self._mutex:
            waiting = self._taken.get(stream)
            if waiting is None:
                self._taken[stream] = deque()
                return True
            if wake is not None:
                waiting.append(wake)
            return False

    def _pass_on(self, stream: str) -> None:
        while True:
            with self._mutex:
                waiting = self._taken[stream]
                if not waiting:
                    del self._taken[stream]
                    return
                wake = waiting.popleft()
            with suppress(RuntimeError):  # the event loop of one that waited was closed: the next, then
                wake()
                return

    def _leave(self, stream: str, wake: Wake) -> None:
        """Whoever was to be woken does not wait any more; if the turn has come meanwhile, it is the next one's."""
        with self._mutex:
            waiting = self._taken[stream]
            if wake in waiting:
                waiting.remove(wake)
                return
        self._pass_on(stream)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():  # its task was cancelled
        future.set_result(None)
