"""A thread for each witness that asks it about the newest checkpoint, and never holds up the one that signs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog

from ledger.errors import IntegrityError, LedgerError, NotFound
from ledger.services import sealing
from ledger.services.cosigning.asking import Asking, client
from ledger.services.cosigning.configured import Witness, configured
from ledger.services.ledger import Ledger

ASK_SECONDS = 5.0
"""How long after a checkpoint its witnesses are asked, at most, while all is well."""
MAX_PAUSE_SECONDS = 300.0
"""A witness that fails is asked less and less often, down to this."""

_log = structlog.get_logger("ledger.witnesses")


@contextmanager
def asking_witnesses(ledger: Ledger) -> Iterator[None]:
    """While the context lasts, the configured witnesses are asked about each newest checkpoint."""
    with ExitStack() as stack:
        witnesses = configured(ledger.settings)
        asking = Asking(ledger, stack.enter_context(client())) if witnesses else None
        threads = [WitnessThread(ledger, asking, witness) for witness in witnesses] if asking else []
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.tell_to_stop()
            for thread in threads:
                thread.stop()


class WitnessThread:
    """Runs from `start` until `stop`. What goes wrong is logged, and tried again after a longer and longer pause."""

    def __init__(self, ledger: Ledger, asking: Asking, witness: Witness, interval: float = ASK_SECONDS) -> None:
        self._ledger = ledger
        self._asking = asking
        self._witness = witness
        self._interval = interval
        self._pause = interval
        self._asked: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"witness {witness.name}", daemon=True)

    def start(self) -> None:
        """The thread runs."""
        self._thread.start()

    def tell_to_stop(self) -> None:
        """The thread asks no more."""
        self._stopping.set()

    def stop(self) -> None:
        """The thread has ended: at once, or when the question under way was answered or has taken its time."""
        self.tell_to_stop()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._pause):
            try:
                self._ask()
                self._pause = self._interval
            except LedgerError as error:
                self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
                say = _log.critical if isinstance(error, IntegrityError) else _log.warning
                say("not cosigned", error=str(error), again_in_seconds=self._pause)

    def _ask(self) -> None:
        try:
            newest = sealing.published(self._ledger)
        except NotFound:
            return
        size = newest.checkpoint.size
        if size and size != self._asked:
            self._asking.ask(self._witness, newest)
            self._asked = size
