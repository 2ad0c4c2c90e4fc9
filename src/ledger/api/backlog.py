"""Answers on their way to a client that may not be reading yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from anyio import Event

MEMORY_BYTES = 2**20
"""What is kept in memory; from there on a temporary file holds what the client has not read."""
CHUNK_BYTES = 2**16


class Backlog:
    """A queue of bytes with one writer and one reader, in one event loop, that never makes the writer wait.

    The file is written and read in the event loop: its pages stay in the system's cache for as long as they matter.
    """

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile[bytes](max_size=MEMORY_BYTES)
        self._written = 0
        self._read = 0
        self._closed = False
        self._news = Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, data: bytes) -> None:
        """The bytes will be read after those put before."""
        self._file.seek(self._written)
        self._written += self._file.write(data)
        self._news.set()

    def close(self) -> None:
        """Nothing more will be put."""
        self._closed = True
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What was put, as it comes, until the backlog is closed and read to its end."""
        while True:
            if self._read < self._written:
                self._file.seek(self._read)
                chunk = self._file.read(CHUNK_BYTES)
                self._read += len(chunk)
                if self._read == self._written:
                    self._file.seek(0)
                    self._file.truncate()
                    self._read = self._written = 0
                yield chunk
            elif self._closed:
                return
            else:
                self._news = Event()
                await self._news.wait()
