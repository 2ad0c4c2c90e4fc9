"""What every request is answered with: the opened ledger, and what one server keeps beside it."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Semaphore
from typing import cast

from anyio import CapacityLimiter
from starlette.requests import HTTPConnection

from ledger.api.following import Following
from ledger.errors import Busy, Lagging
from ledger.services.commands import CommandHandler
from ledger.services.ledger import Ledger
from ledger.services.queries import Queries
from ledger.store.loop_commit import LoopCommit

WRITERS = 48
"""Threads that record lines in bulk."""
DECIDERS = 16
"""Threads for single commands that need a look at the log. They are others than the writers: a writer may wait for the
turn that such a command has, and must not keep it from its thread."""
MAX_WAITING = 2_000
"""Requests that wait for a thread, for others about the same task, or for a commit; past it they are to come again."""
EXPECTING = 8
"""Reads that wait at the same time for records which the log does not have yet."""
STREAM_READERS = 4
"""Streams that read from the log at the same time; the others wait their turn, or for news."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one running server. Writers and streams have threads of their own, so neither starves the reads."""

    ledger: Ledger
    commands: CommandHandler
    queries: Queries
    following: Following
    committer: LoopCommit
    """Of the single commands that come as requests."""
    writers: CapacityLimiter
    deciders: CapacityLimiter
    stream_readers: CapacityLimiter
    expecting: Semaphore
    """Of the reads that wait for a record which the log does not have."""

    def queries_after(self, position: int | None) -> Queries:
        """The questions, when the record at that position can be read.

        Raises `Lagging` when that takes too long; at once when the log has no such record, as a standby may not have it
        yet, and `EXPECTING` others wait for such ones: made-up positions must not hold every thread.
        """
        if position is not None and self.following.followed <= position:
            self._wait_for(position + 1)
        return self.queries

    def _wait_for(self, records: int) -> None:
        held = self.ledger.log.head().next_position
        if held >= records:
            self.following.keep_up(records)
        elif self.expecting.acquire(blocking=False):
            try:
                self.following.keep_up(records)
            finally:
                self.expecting.release()
        else:
            raise Lagging("log", held, records)

    @classmethod
    def of(cls, ledger: Ledger) -> Parts:
        """The parts for a server on this ledger, within its event loop; its follower is not started yet."""
        following = Following(ledger)
        return cls(
            ledger,
            ledger.commands,
            ledger.queries(following.keep_up),
            following,
            ledger.loop_commit(MAX_WAITING),
            CapacityLimiter(WRITERS),
            CapacityLimiter(DECIDERS),
            CapacityLimiter(STREAM_READERS),
            Semaphore(EXPECTING),
        )

    def admit(self) -> None:
        """A request that records may wait for its turn; raises `Busy` when too many do."""
        for threads in (self.writers, self.deciders):
            for_threads = threads.statistics().tasks_waiting
            if threads.available_tokens <= 0 and for_threads >= MAX_WAITING:
                raise Busy(for_threads)
        if (for_others := self.commands.waiting) > MAX_WAITING:
            raise Busy(for_others)


def parts_of(request: HTTPConnection) -> Parts:
    """The parts of the server that the request came to."""
    return cast("Parts", request.app.state.parts)
