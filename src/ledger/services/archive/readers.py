"""Who reads the bundles of an archive that is verified: this process, or workers that share them.

    python -m ledger.services.archive.readers      (a worker; what to do comes on standard input)

A worker does every n-th bundle: whoever listens to them in turn hears of all bundles in their order, and a worker that
is ahead waits for room in its pipe.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from ledger import processes
from ledger.errors import WorkerStopped
from ledger.services.archive import reading
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.leaves import Leaves, leaves
from ledger.services.archive.texts_check import Counts, Known, TextsCheck

WORTH_WORKERS = 64
"""Bundles from which on processes of their own are worth their start."""


class Readers(Protocol):
    """They read an archive twice: for what its bundles give to the tree, and then for the texts that belong to them."""

    def leaves(self) -> Iterator[Leaves]:
        """By bundle, in order. Raises `ArchiveError` in the place of the first that is wrong."""

    def texts(self, known: Known) -> Iterator[Counts]:
        """By bundle, in order, once all leaves were read. Raises `ArchiveError` in the place of the first wrong one."""


@contextmanager
def readers(folder: Path, size: int, workers: int | None) -> Iterator[Readers]:
    """Those of an archive of that size: so many processes, by default one a core when there is much to read.

    With 0 it is this process. Raises `WorkerStopped` when one of several came to grief.
    """
    bundles = reading.count(size)
    if workers is None:
        workers = processes.cores() if bundles >= WORTH_WORKERS else 0
    if not workers or not bundles:
        yield _Here(folder, size)
        return
    started = _Workers(folder, size, min(workers, bundles))
    try:
        yield started
    finally:
        started.stop()


class _Here:
    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def leaves(self) -> Iterator[Leaves]:
        return (leaves(self._folder, self._size, index) for index in range(reading.count(self._size)))

    def texts(self, known: Known) -> Iterator[Counts]:
        check = TextsCheck(self._folder, self._size, known)
        return (check.bundle(index) for index in range(reading.count(self._size)))


# ── workers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Task(Struct, frozen=True):
    """To read the bundles `first`, `first + step`, and so on."""

    folder: str
    size: int
    first: int
    step: int


class _Wrong(Struct, frozen=True):
    """An `ArchiveError`."""

    file: str
    reason: str
    position: int | None


class _Told(Struct, frozen=True, omit_defaults=True):
    """What came of a bundle."""

    leaves: Leaves | None = None
    counts: Counts | None = None
    wrong: _Wrong | None = None


class _Workers:
    def __init__(self, folder: Path, size: int, count: int) -> None:
        self._size = size
        self._workers = [processes.Worker(__name__) for _ in range(count)]
        self._decoder = msgspec.msgpack.Decoder(_Told)
        for first, worker in enumerate(self._workers):
            worker.tell(msgspec.msgpack.encode(_Task(str(folder.absolute()), size, first, count)))

    def leaves(self) -> Iterator[Leaves]:
        return (told.leaves for told in self._told() if told.leaves is not None)

    def texts(self, known: Known) -> Iterator[Counts]:
        said = msgspec.msgpack.encode(known)
        for worker in self._workers:
            worker.tell(said)
        return (told.counts for told in self._told() if told.counts is not None)

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
            worker.close()

    def _told(self) -> Iterator[_Told]:
        for index in range(reading.count(self._size)):
            worker = self._workers[index % len(self._workers)]
            frame = worker.hear()
            if frame is None:
                raise WorkerStopped(f"a worker that reads the archive {worker.end}: run the command again")
            told = self._decoder.decode(frame)
            if told.wrong is not None:
                raise ArchiveError(told.wrong.file, told.wrong.reason, told.wrong.position)
            yield told


def main() -> None:
    """Do one's bundles, twice: a worker's whole life. It ends after a wrong bundle, and when its parent is gone."""
    # What is read makes no cycles, and is a bundle at a time.
    gc.disable()
    frame = processes.take(sys.stdin.buffer)
    if frame is None:
        return
    task = msgspec.msgpack.decode(frame, type=_Task)
    folder = Path(task.folder)
    try:
        if not _tell_each(task, lambda index: _Told(leaves=leaves(folder, task.size, index))):
            return
        frame = processes.take(sys.stdin.buffer)
        if frame is None:
            return
        check = TextsCheck(folder, task.size, msgspec.msgpack.decode(frame, type=Known))
        _tell_each(task, lambda index: _Told(counts=check.bundle(index)))
    except BrokenPipeError:
        os._exit(0)  # the parent is gone, and with it whoever would read of it


def _tell_each(task: _Task, of: Callable[[int], _Told]) -> bool:
    """What comes of each bundle is told, up to the first that is wrong; answers whether none was."""
    for index in range(task.first, reading.count(task.size), task.step):
        try:
            told = of(index)
        except ArchiveError as error:
            told = _Told(wrong=_Wrong(error.file, error.reason, error.position))
        processes.put(sys.stdout.buffer, msgspec.msgpack.encode(told))
        if told.wrong is not None:
            return False
    return True


if __name__ == "__main__":
    main()
