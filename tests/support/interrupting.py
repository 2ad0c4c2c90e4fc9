"""A main thread that is interrupted while it waits, as by Ctrl+C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def interrupted(when: Callable[[], bool]) -> Iterator[None]:
    """What is done inside the context waits, and is interrupted soon after `when` holds."""
    main = threading.current_thread()
    assert main is threading.main_thread()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def send() -> None:
        while not when():
            time.sleep(0.001)
        time.sleep(0.1)  # it is blocked by then
        assert main.ident is not None
        signal.pthread_kill(main.ident, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
