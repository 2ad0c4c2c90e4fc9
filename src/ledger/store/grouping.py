"""Requests that arrive while others are under way go together with the next: the queue behind commits and reads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Request(Generic[Asked, Told]):
    """What a caller asks, and how the caller is woken: with what it is told, with an error, or with the lead."""

    __slots__ = ("asked", "error", "leads", "told", "woken")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.told: Told | None = None
        self.error: Exception | None = None
        self.leads = False
        self.woken = threading.Lock()  # an Event costs five times as much, and nobody waits twice
        self.woken.acquire()


class Grouping(Generic[Asked, Told]):
    """One group at a time is worked on, without a thread of its own.

    The first caller leads: it works on what waits, its own request first, and hands the lead to the first of those that
    came meanwhile.
    """

    def __init__(self, interrupted: Callable[[], Exception]) -> None:
        """`interrupted` makes the error for those whose leader was interrupted."""
        self._interrupted = interrupted
        self._mutex = threading.Lock()
        self._queue: deque[Request[Asked, Told]] = deque()
        self._leading = False

    def take(self, asked: Asked) -> Told:
        """What the work on the request's group gave it; raises what it gave it to raise."""
        request: Request[Asked, Told] = Request(asked)
        with self._mutex:
            self.admit(asked)
            self._queue.append(request)
            leads = not self._leading
            self._leading = True
            self.queued()
        if not leads:
            try:
                request.woken.acquire()
            except BaseException:  # an interrupt
                self._abandon(request)
                raise
            leads = request.leads
        if leads:
            self._lead()
        if request.error is not None:
            raise request.error
        if request.told is None:
            raise AssertionError("a request is woken with what it is told, an error or the lead")
        return request.told

    def admit(self, asked: Asked) -> None:
        """Called under the mutex before a request is queued; may raise."""

    def queued(self) -> None:
        """Called under the mutex after a request was queued."""

    def gather(self) -> None:
        """Called by a leader before it takes a group: it may wait for others."""

    def group(self) -> list[Request[Asked, Told]]:
        """Called under the mutex: the next group is out of the queue, its first request first."""
        found = list(self._queue)
        self._queue.clear()
        return found

    def work(self, group: Sequence[Request[Asked, Told]]) -> None:
        """Every request of the group has what it is told, or an error."""
        raise NotImplementedError

    def done(self, group: Sequence[Request[Asked, Told]]) -> None:
        """Called under the mutex when a group has been worked on."""

    def left(self, request: Request[Asked, Told]) -> None:
        """Called under the mutex when a request has left the queue, and nobody works on it."""

    def _abandon(self, request: Request[Asked, Told]) -> None:
        """The caller does not wait any more; a lead that it was given is not lost."""
        with self._mutex:
            if not request.leads and request in self._queue:
                self._queue.remove(request)
                self.left(request)
        if request.leads:
            self._lead()

    def _lead(self) -> None:
        group: list[Request[Asked, Told]] = []
        try:
            self.gather()
            with self._mutex:
                group = self.group()
            self.work(group)
        finally:
            with self._mutex:
                group = group or [self._queue.popleft()]  # the leader's thread was interrupted while it waited
                self.done(group)
                heir = self._queue[0] if self._queue else None
                self._leading = heir is not None
                if heir is not None:
                    heir.leads = True
            if heir is not None:
                heir.woken.release()
            for request in group:
                if request.told is None and request.error is None:  # the leader's thread was interrupted
                    request.error = self._interrupted()
                request.woken.release()
