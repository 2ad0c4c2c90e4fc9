"""A thread that keeps read models in step with the log: woken by NOTIFY, with a poll as a net."""

from __future__ import annotations

import threading

import psycopg
import structlog

from ledger.errors import LedgerError
from ledger.projections.runner import Runner
from ledger.store.database import Connection, Database
from ledger.store.recorder import CHANNEL

POLL_SECONDS = 1.0
RETRY_SECONDS = 1.0

_log = structlog.get_logger("ledger.follower")


class _StoppedError(Exception):
    """The follower was told to stop."""


class Follower:
    """Runs from `start` until `stop`. A lost connection is made anew; what it missed meanwhile the poll finds."""

    def __init__(self, database: Database, runner: Runner) -> None:
        self._database = database
        self._runner = runner
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """The thread runs."""
        self._thread.start()

    def stop(self) -> None:
        """The thread has ended; the batch under way is finished first."""
        self._stopping.set()
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """The thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._database.connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._follow(connection)
            except _StoppedError:
                return
            except (LedgerError, psycopg.Error) as error:
                _log.warning("following is interrupted", error=str(error), retry_in=RETRY_SECONDS)
                self._stopping.wait(RETRY_SECONDS)

    def _go_on(self, _: int, __: int) -> None:
        """Between two batches, or two parts of a fill, which goes on when the log is followed again."""
        if self._stopping.is_set():
            raise _StoppedError

    def _follow(self, connection: Connection) -> None:
        while not self._stopping.is_set():
            self._runner.catch_up(progress=self._go_on)
            waited = 0.0
            while waited < POLL_SECONDS and not self._stopping.is_set():
                # Short waits, so that a stop is noticed; a notification ends the wait at once.
                if list(connection.notifies(timeout=0.1, stop_after=1)):
                    break
                waited += 0.1
