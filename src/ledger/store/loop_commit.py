"""Group commit for the tasks of one event loop: what they append while a commit is under way goes with the next.

No thread waits for the server. The loop sends a group and goes on with what its tasks have to do, and that is where the
next group comes from: deciding and committing go on side by side, and no change of threads lies between them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import psycopg
from msgspec import Struct

from ledger.errors import Busy, DatabaseUnavailable
from ledger.store.append import Answer, Append
from ledger.store.appending import APPEND, Doubts, answers_to, arguments_of
from ledger.store.database import Connection, Database
from ledger.store.group_commit import MAX_BATCH, PATIENCE, UNKNOWN
from ledger.store.prepared import Sent, columns, take_in


class _Waiting(Struct):
    """An append of a task that waits for its answer."""

    append: Append
    answer: asyncio.Future[Answer]


class LoopCommit:
    """One for an event loop, made and closed inside it. At most `max_waiting` appends wait; one more is `Busy`.

    A group leaves when as many wait as were answered by the last commit, or when half of the time that it took, and
    `PATIENCE` at most, has passed since then: see `GroupCommit`.
    """

    def __init__(self, database: Database, max_waiting: int) -> None:
        self._database = database
        self._max_waiting = max_waiting
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="connecting")
        self._queue: deque[_Waiting] = deque()
        self._apart: deque[_Waiting] = deque()
        """Those whose group has failed whole: each is sent alone, so that none suffers for the one at fault."""
        self._group: list[_Waiting] = []
        """Those whose commit is under way."""
        self._sent: Sent | None = None
        self._doubts: Doubts | None = None
        self._connection: Connection | None = None
        self._socket = -1
        self._writes = False
        """Whether the loop tells when the socket can be written to."""
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began = self._ended = 0.0
        self._answered = 1
        """How many the last commit answered."""
        self.turned_away = 0
        """How many appends were answered `Busy`."""

    @property
    def waiting(self) -> int:
        """How many appends wait for a commit, or for the one under way."""
        return len(self._queue) + len(self._apart) + len(self._group)

    async def append(self, append: Append) -> Answer:
        """The answer to `append`, once it is durable.

        Raises `Busy` when too many wait and `DatabaseUnavailable` when the outcome is unknown: retry by the idempotency
        key. When the task is cancelled the append may be recorded, or not.
        """
        if self.waiting >= self._max_waiting:
            self.turned_away += 1
            raise Busy(self.waiting)
        waiting = _Waiting(append, self._loop.create_future())
        self._queue.append(waiting)
        self._go_on()
        return await waiting.answer

    async def close(self) -> None:
        """The connection is given back; whoever still waits gets `DatabaseUnavailable`."""
        if self._connecting is not None:
            await self._connecting
        _tell([*self._group, *self._apart, *self._queue], DatabaseUnavailable(UNKNOWN))
        self._apart.clear()
        self._queue.clear()
        self._end()
        self._hang_up()
        self._no_timer()
        self._threads.shutdown()

    def _go_on(self) -> None:
        """If nothing is under way, the next group leaves, now or when it is time."""
        if self._group or self._connecting is not None or not (self._queue or self._apart):
            return
        due = self._ended + min((self._ended - self._began) / 2, PATIENCE)
        if self._apart or len(self._queue) >= self._answered or self._loop.time() >= due:
            self._leave()
        elif self._timer is None:
            self._timer = self._loop.call_at(due, self._leave)

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        self._no_timer()
        if self._connection is None:
            self._connecting = self._loop.create_task(self._connect())
            return
        self._group = self._next()
        if not self._group:
            self._loop.call_soon(self._go_on)
            return
        self._began = self._loop.time()
        try:
            arguments = arguments_of([waiting.append for waiting in self._group])
            self._doubts = Doubts(self._connection)
            self._sent = APPEND.send(self._connection, arguments)
        except psycopg.OperationalError as error:
            self._lose(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by its caller
            self._fail(error)
        else:
            self._flush()

    def _next(self) -> list[_Waiting]:
        """The next group, without those whose task was cancelled."""
        if self._apart:
            found = [self._apart.popleft()]
        else:
            found = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
        return [waiting for waiting in found if not waiting.answer.done()]

    def _flush(self) -> None:
        """What the socket did not take yet is sent when it can be written to."""
        try:
            left = self._sent is not None and not self._sent.is_flushed()
        except psycopg.OperationalError as error:
            self._lose(error)
            return
        if left and not self._writes:
            self._loop.add_writer(self._socket, self._flush)
        elif self._writes and not left:
            self._loop.remove_writer(self._socket)
        self._writes = left

    def _hear(self) -> None:
        """The server has said something: an answer, or that it is gone."""
        try:
            if self._sent is None or self._doubts is None:
                if self._connection is not None:
                    take_in(self._connection.pgconn)
                return
            result = self._sent.result()
            if result is None:
                return
            answers = answers_to([waiting.append for waiting in self._group], columns(result))
            self._doubts.check()
        except psycopg.OperationalError as error:
            self._lose(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by its caller
            self._fail(error)
        else:
            for waiting, answer in zip(self._group, answers, strict=True):
                if not waiting.answer.done():  # its task was cancelled
                    waiting.answer.set_result(answer)
            self._end()
            self._go_on()

    def _fail(self, error: Exception) -> None:
        """The statement has failed whole and recorded nothing; or, `DatabaseUnavailable`, it is unknown what it did."""
        if len(self._group) == 1 or isinstance(error, DatabaseUnavailable):
            _tell(self._group, error)
        else:
            self._apart.extend(self._group)
        self._end()
        self._loop.call_soon(self._go_on)

    def _lose(self, error: psycopg.OperationalError) -> None:
        """The connection is gone, and with it the answer to what was under way."""
        _tell(self._group, DatabaseUnavailable(f"{UNKNOWN} ({error})"))
        self._end()
        self._hang_up()
        self._loop.call_soon(self._go_on)

    def _end(self) -> None:
        """Nothing is under way."""
        if self._doubts is not None:
            self._doubts.close()
        self._answered = max(len(self._group), 1)
        self._ended = self._loop.time()
        self._group, self._sent, self._doubts = [], None, None

    async def _connect(self) -> None:
        try:
            connection = await self._loop.run_in_executor(self._threads, _connected, self._database)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by those who wait
            _tell([*self._apart, *self._queue], error)
            self._apart.clear()
            self._queue.clear()
        else:
            self._connection, self._socket = connection, connection.pgconn.socket
            self._loop.add_reader(self._socket, self._hear)
        finally:
            self._connecting = None
        self._go_on()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._connection.close()
            self._connection, self._writes = None, False


def _connected(database: Database) -> Connection:
    """A connection on which appends can be sent; waits for the server."""
    connection = database.connect()
    try:
        APPEND.prepare(connection)
    except psycopg.Error as error:
        connection.close()
        if isinstance(error, psycopg.OperationalError):
            raise DatabaseUnavailable(f"the database could not be reached: {error}") from error
        raise
    return connection


def _tell(group: Iterable[_Waiting], error: Exception) -> None:
    for waiting in group:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
