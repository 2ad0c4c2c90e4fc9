"""A thread that signs a checkpoint whenever there is news, and says loudly when it may not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from ledger.errors import IntegrityError, LedgerError
from ledger.services import keys
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealer, sealer
from ledger.store.log import Log

SEAL_SECONDS = 1.0
"""How long an entry waits to be under a signature, at most, while the thread runs and all is well."""
REMIND_SECONDS = 60.0
"""How often what is wrong is said again."""

_log = structlog.get_logger("ledger.sealer")


@contextmanager
def sealing(ledger: Ledger) -> Iterator[None]:
    """While the context lasts, checkpoints are signed whenever there is news, if the ledger has a key to sign with."""
    if keys.load_if_any(ledger.settings) is None:
        _log.warning("checkpoints are not signed: there is no key", remedy="ledger keys new")
        yield
        return
    thread = SealingThread(sealer(ledger), ledger.log)
    thread.start()
    try:
        yield
    finally:
        thread.stop()


class SealingThread:
    """Runs from `start` until `stop`. What goes wrong is logged, and tried again: a rollback may yet be put right."""

    def __init__(self, sealer: Sealer, log: Log, interval: float = SEAL_SECONDS) -> None:
        self._sealer = sealer
        self._positions = log
        self._interval = interval
        self._sealed: int | None = None
        self._said: tuple[str, int] = ("", 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)

    def start(self) -> None:
        """The thread runs."""
        self._thread.start()

    def stop(self) -> None:
        """The thread has ended; all that was recorded before is under a signature, if it can be."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            self._seal()
        self._seal()

    def _seal(self) -> None:
        try:
            if self._positions.head().next_position != self._sealed:
                self._sealed = self._sealer.seal().checkpoint.size
            self._said = ("", 0)
        except LedgerError as error:
            self._sealed = None
            self._say(error)
        except OSError as error:
            self._sealed = None
            self._say(LedgerError(f"the last checkpoint cannot be remembered: {error}"))

    def _say(self, error: LedgerError) -> None:
        text, times = self._said
        times = times + 1 if text == str(error) else 0
        self._said = (str(error), times)
        if times % max(int(REMIND_SECONDS / self._interval), 1) == 0:
            say = _log.critical if isinstance(error, IntegrityError) else _log.warning
            say("nothing is signed", error=str(error))
