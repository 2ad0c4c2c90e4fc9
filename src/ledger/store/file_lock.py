"""A lock that the kernel lets go of when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.01


class FileLock:
    """An open file that flock(2) locks; the lock ends with `close`, or with the last process that has the file open.

    The lock belongs to this opening of the file, not to the process: two `FileLock` of one path exclude each other
    within a process too. A program that is executed does not inherit it, unless it is given `fileno()`; a forked
    child shares it.
    """

    def __init__(self, path: Path) -> None:
        """The file is there, readable by its owner alone, and open; nothing is locked yet."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def fileno(self) -> int:
        """The descriptor, for a child process that is to keep the lock for as long as it lives."""
        return self._descriptor

    def share(self) -> None:
        """Locked together with others who share; waits while somebody has the file alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def try_alone(self) -> bool:
        """Whether nobody else has it, and then it is locked alone. If not, a share held before is given up."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def alone(self, timeout: float) -> bool:
        """Like `try_alone`, after waiting for up to `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.try_alone():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def close(self) -> None:
        """Given up, unless a child process holds it as well. Closing twice does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
