"""Group commit: appends that arrive while a commit is under way are committed together by the next one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

import psycopg
from eventsourcing.persistence import IntegrityError

from ledger.errors import Busy, DatabaseUnavailable
from ledger.store.append import Answer, Append
from ledger.store.appending import append_on
from ledger.store.database import Connection, Database

MAX_BATCH = 1_000
"""Appends in one commit, at most."""
PATIENCE = 0.005
"""Seconds, at most, for which a commit waits for those who were answered by the one before."""
_UNKNOWN = "it is unknown whether the events were recorded: send them again with the same idempotency keys"


class _Request:
    """A caller's appends, and how the caller is woken: with answers, with an error, or with the lead."""

    __slots__ = ("answers", "appends", "error", "leads", "together", "woken")

    def __init__(self, appends: Sequence[Append], *, together: bool) -> None:
        self.appends = appends
        self.together = together
        self.answers: list[Answer] | None = None
        self.error: Exception | None = None
        self.leads = False
        self.woken = threading.Lock()  # an Event costs five times as much, and nobody waits twice
        self.woken.acquire()


class GroupCommit:
    """One committer a process, without a thread of its own.

    The first caller leads: it commits what waits, its own appends among them, and hands the lead to the first of those
    that came meanwhile. At most `max_waiting` appends wait; a caller past that is answered `Busy` at once.

    Callers that are answered together come again one by one, and the first would commit alone while all others wait. So
    a leader waits until as many are there as the last commit answered, for half of the time that it took and `PATIENCE`
    at most; after a commit for one caller there is no wait, and an idle ledger adds no latency.
    """

    def __init__(self, database: Database, *, max_waiting: int = 10_000) -> None:
        self._database = database
        self._max_waiting = max_waiting
        self._mutex = threading.Lock()
        self._queue: deque[_Request] = deque()
        self._waiting = 0
        self._leading = False
        self._answered = 1
        """Requests that the last commit answered."""
        self._took = 0.0
        """Seconds that it took."""
        self._wanted = 0
        """Requests for which a leader waits."""
        self._gathered = threading.Event()
        self._connection: Connection | None = None

    @property
    def waiting(self) -> int:
        """How many appends wait for a commit, or for the one under way."""
        return self._waiting

    def append(self, appends: Sequence[Append]) -> list[Answer]:
        """The answers to `appends`, in order, once they are durable.

        Raises `Busy` when the queue is full and `DatabaseUnavailable` when the outcome is unknown: retry by the
        idempotency keys.
        """
        return self._take(_Request(appends, together=False))

    def append_together(self, appends: Sequence[Append]) -> list[Answer] | None:
        """The answers when all of `appends` are recorded, and durable; None when one could not be, and so none is.

        Raises as `append`.
        """
        try:
            return self._take(_Request(appends, together=True))
        except IntegrityError:
            return None

    def _take(self, request: _Request) -> list[Answer]:
        with self._mutex:
            if self._waiting and self._waiting + len(request.appends) > self._max_waiting:
                raise Busy(self._waiting)
            self._queue.append(request)
            self._waiting += len(request.appends)
            leads = not self._leading
            self._leading = True
            if 0 < self._wanted <= len(self._queue):
                self._gathered.set()
        if not leads:
            request.woken.acquire()
            leads = request.leads
        if leads:
            self._lead()
        if request.error is not None:
            raise request.error
        if request.answers is None:
            raise AssertionError("a request is woken with answers, an error or the lead")
        return request.answers

    def close(self) -> None:
        """The connection is given back; the next append would open another."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _lead(self) -> None:
        """Commit one batch, the leader's request first, and hand the lead on."""
        batch: list[_Request] = []
        start = time.perf_counter()
        try:
            self._gather()
            batch = self._next_batch()
            start = time.perf_counter()
            self._answer(batch)
        finally:
            with self._mutex:
                batch = batch or [self._queue.popleft()]  # the leader's thread was interrupted while it waited
                self._answered = len(batch)
                self._took = time.perf_counter() - start
                self._waiting -= sum(len(request.appends) for request in batch)
                heir = self._queue[0] if self._queue else None
                self._leading = heir is not None
            if heir is not None:
                heir.leads = True
                heir.woken.release()
            for request in batch:
                if request.answers is None and request.error is None:  # the leader's thread was interrupted
                    request.error = DatabaseUnavailable(_UNKNOWN)
                request.woken.release()

    def _gather(self) -> None:
        """Those who were answered by the last commit had a moment to come again."""
        with self._mutex:
            if len(self._queue) >= self._answered:
                return
            self._wanted = self._answered
            self._gathered.clear()
        self._gathered.wait(min(self._took / 2, PATIENCE))
        with self._mutex:
            self._wanted = 0

    def _next_batch(self) -> list[_Request]:
        """The first of the queue and what fits beside it. What is to be recorded together is a batch of its own."""
        with self._mutex:
            batch = [self._queue.popleft()]
            size = len(batch[0].appends)
            while self._queue and not (batch[0].together or self._queue[0].together):
                size += len(self._queue[0].appends)
                if size > MAX_BATCH:
                    break
                batch.append(self._queue.popleft())
            return batch

    def _answer(self, batch: Sequence[_Request]) -> None:
        """Every request has its answers, or the error that its caller raises."""
        try:
            appends = [append for request in batch for append in request.appends]
            answers = self._commit(appends, all_or_nothing=batch[0].together)
        except DatabaseUnavailable as error:
            for request in batch:
                request.error = error
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by its caller
            if len(batch) == 1:
                batch[0].error = error
                return
            # The statement has failed whole and recorded nothing; the others are not to suffer for the one at fault.
            for request in batch:
                self._answer([request])
        else:
            start = 0
            for request in batch:
                request.answers = answers[start : start + len(request.appends)]
                start += len(request.appends)

    def _commit(self, appends: Sequence[Append], *, all_or_nothing: bool) -> list[Answer]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._database.connect()
            return append_on(self._connection, appends, all_or_nothing=all_or_nothing)
        except psycopg.OperationalError as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise DatabaseUnavailable(f"{_UNKNOWN} ({error})") from error
