"""Worker processes of the product's own: modules run by the same Python, which are told what to do, and tell of it.

Not `multiprocessing`, whose children import whatever program began them: work must go on however that was started.
Frames go through their pipes: a length, four bytes, and so many bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import IO

_LENGTH_BYTES = 4


def cores() -> int:
    """How many processes can work at the same time."""
    if hasattr(os, "sched_getaffinity"):  # where a process can be kept to some of the cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Worker:
    """A module that runs as a program, with pipes to it and from it.

    In a session of its own: an interrupt from the keyboard is for the parent, who ends its workers.
    """

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def tell(self, frame: bytes) -> None:
        """The worker is sent the frame; one that is gone is not, and `hear` shows that."""
        with suppress(BrokenPipeError):
            put(_pipe(self._process.stdin), frame)

    def hear(self) -> bytes | None:
        """The next frame from the worker; None when it has ended."""
        return take(_pipe(self._process.stdout))

    @property
    def is_done(self) -> bool:
        """It ended by itself, with nothing to complain of; waits until it has ended."""
        return self._process.wait() == 0

    @property
    def end(self) -> str:
        """How it ended, in words; waits until it has."""
        code = self._process.wait()
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def stop(self) -> None:
        """It has ended, whatever it was at. What it has told may still be heard, until `close`."""
        self._process.terminate()
        self._process.wait()

    def close(self) -> None:
        """The pipes of a worker that has ended are closed."""
        with suppress(BrokenPipeError):
            _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()


def put(pipe: IO[bytes], frame: bytes) -> None:
    """The frame is in the pipe. Raises `BrokenPipeError` when nobody is at its other end."""
    pipe.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
    pipe.flush()


def take(pipe: IO[bytes]) -> bytes | None:
    """The next frame from the pipe; None at its end, also in the middle of a frame."""
    length = pipe.read(_LENGTH_BYTES)
    frame = pipe.read(int.from_bytes(length, "big")) if len(length) == _LENGTH_BYTES else b""
    return frame if len(length) == _LENGTH_BYTES and len(frame) == int.from_bytes(length, "big") else None


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("a worker is started with pipes")
    return pipe
