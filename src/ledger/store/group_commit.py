"""Group commit: appends that arrive while a commit is under way are committed together by the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import islice
from typing import TypeAlias

import psycopg
from eventsourcing.persistence import IntegrityError
from msgspec import Struct

from ledger.errors import Busy, DatabaseUnavailable
from ledger.store.append import Answer, Append
from ledger.store.appending import append_on
from ledger.store.database import Database
from ledger.store.grouping import Grouping, Request
from ledger.store.kept_connection import KeptConnection

MAX_BATCH = 1_000
"""Appends in one commit, at most."""
PATIENCE = 0.005
"""Seconds, at most, for which a commit waits for those who were answered by the one before."""
UNKNOWN = "it is unknown whether the events were recorded: send them again with the same idempotency keys"


class _Asked(Struct, frozen=True):
    """A caller's appends, and whether all of them are to be recorded or none."""

    appends: Sequence[Append]
    together: bool


_Waiting: TypeAlias = Request[_Asked, list[Answer]]


class GroupCommit(Grouping[_Asked, list[Answer]]):
    """One committer a process. At most `max_waiting` appends wait; a caller past that is answered `Busy` at once.

    Callers that are answered together come again one by one, and the first would commit alone while all others wait. So
    a leader waits until as many are there as the last commit answered, for half of the time that it took and `PATIENCE`
    at most; after a commit for one caller there is no wait, and an idle ledger adds no latency.
    """

    def __init__(self, database: Database, *, max_waiting: int = 10_000) -> None:
        super().__init__(lambda: DatabaseUnavailable(UNKNOWN))
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turned_away = 0
        self._answered = 1
        """Requests that the last commit answered."""
        self._took = 0.0
        """Seconds that it took."""
        self._wanted = 0
        """Requests for which a leader waits."""
        self._gathered = threading.Event()
        self._kept = KeptConnection(database)

    @property
    def waiting(self) -> int:
        """How many appends wait for a commit, or for the one under way."""
        return self._waiting

    @property
    def turned_away(self) -> int:
        """How many appends were answered `Busy` since the process began."""
        return self._turned_away

    def append(self, appends: Sequence[Append]) -> list[Answer]:
        """The answers to `appends`, in order, once they are durable.

        Raises `Busy` when the queue is full and `DatabaseUnavailable` when the outcome is unknown: retry by the
        idempotency keys.
        """
        return self.take(_Asked(appends, together=False))

    def append_together(self, appends: Sequence[Append]) -> list[Answer] | None:
        """The answers when all of `appends` are recorded, and durable; None when one could not be, and so none is.

        Raises as `append`.
        """
        try:
            return self.take(_Asked(appends, together=True))
        except IntegrityError:
            return None

    def close(self) -> None:
        """The connection is given back; whoever still waits, or comes later, gets `DatabaseUnavailable`."""
        self._kept.close()

    def admit(self, asked: _Asked) -> None:
        """Raises `Busy` when too many wait."""
        if self._waiting and self._waiting + len(asked.appends) > self._max_waiting:
            self._turned_away += len(asked.appends)
            raise Busy(self._waiting)
        self._waiting += len(asked.appends)

    def queued(self) -> None:
        """A leader that waits for others goes on when they are there."""
        if 0 < self._wanted <= len(self._queue):
            self._gathered.set()

    def gather(self) -> None:
        """Those who were answered by the last commit had a moment to come again."""
        with self._mutex:
            if len(self._queue) >= self._answered:
                return
            self._wanted = self._answered
            self._gathered.clear()
        self._gathered.wait(min(self._took / 2, PATIENCE))
        with self._mutex:
            self._wanted = 0

    def group(self) -> list[_Waiting]:
        """The first of the queue and what fits beside it. What is to be recorded together is a group of its own."""
        batch = [self._queue.popleft()]
        size = len(batch[0].asked.appends)
        while self._queue and not (batch[0].asked.together or self._queue[0].asked.together):
            size += len(self._queue[0].asked.appends)
            if size > MAX_BATCH:
                break
            batch.append(self._queue.popleft())
        return batch

    def work(self, group: Sequence[_Waiting]) -> None:
        """The group is committed by one statement; when that fails, its requests one by one."""
        start = time.perf_counter()
        try:
            appends = [append for request in group for append in request.asked.appends]
            answers = iter(self._commit(appends, all_or_nothing=group[0].asked.together))
        except DatabaseUnavailable as error:
            for request in group:
                request.error = error
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by its caller
            if len(group) == 1:
                group[0].error = error
                return
            # The statement has failed whole and recorded nothing; the others are not to suffer for the one at fault.
            for request in group:
                self.work([request])
        else:
            for request in group:
                request.told = list(islice(answers, len(request.asked.appends)))
        self._took = time.perf_counter() - start

    def done(self, group: Sequence[_Waiting]) -> None:
        """The next leader knows for how many to wait."""
        self._answered = len(group)
        self._waiting -= sum(len(request.asked.appends) for request in group)

    def left(self, request: _Waiting) -> None:
        """It is not waited for."""
        self._waiting -= len(request.asked.appends)

    def _commit(self, appends: Sequence[Append], *, all_or_nothing: bool) -> list[Answer]:
        try:
            with self._kept.used() as connection:
                return append_on(connection, appends, all_or_nothing=all_or_nothing)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"{UNKNOWN} ({error})") from error
