"""Worker processes of a fill: each takes parts until there are none, and tells of each one that is done.

    python -m ledger.projections.filling_workers      (a worker; what to do comes on standard input)

Processes, because folding is work for the processor. A worker whose parent is gone ends with the part that it is at.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Generator
from queue import SimpleQueue

import msgspec
from msgspec import Struct

from ledger import processes
from ledger.domain.times import zone_of
from ledger.errors import RebuildRefused
from ledger.projections import all_projections
from ledger.projections.builds import all_builds
from ledger.projections.filling_part import Fill, do_parts
from ledger.store.database import Database
from ledger.store.log import Log


class Task(Struct, frozen=True):
    """What a worker is told."""

    conninfo: str
    fill: int
    position: int


class Told(Struct, frozen=True):
    """What a worker tells: a part with so many events is done, or what went wrong."""

    events: int = 0
    error: str | None = None


class Workers:
    """So many workers on a fill. Iterating yields the number of events of each part that is done, until none is left.

    Raises `RebuildRefused` when a worker came to grief, after the others have ended. Whoever leaves the iteration early
    stops the workers; the parts that they are at are not done.
    """

    def __init__(self, conninfo: str, fill: Fill, count: int) -> None:
        self._task = msgspec.json.encode(Task(conninfo, fill.number, fill.position))
        self._count = count
        self._told: SimpleQueue[Told | None] = SimpleQueue()

    def __iter__(self) -> Generator[int]:
        workers = [processes.Worker(__name__) for _ in range(self._count)]
        readers = [threading.Thread(target=self._listen, args=(worker,), daemon=True) for worker in workers]
        try:
            for worker, reader in zip(workers, readers, strict=True):
                worker.tell(self._task)
                reader.start()
            trouble: list[str] = []
            running = len(workers)
            while running:
                told = self._told.get()
                if told is None:
                    running -= 1
                elif told.error is not None:
                    trouble.append(told.error)
                else:
                    yield told.events
        finally:
            for worker in workers:
                worker.stop()
            for reader in readers:
                reader.join()
            for worker in workers:
                worker.close()
        if trouble:
            raise RebuildRefused(
                f"a worker of the rebuild stopped: {trouble[0]}. What was filled is kept: the same command goes on"
            )

    def _listen(self, worker: processes.Worker) -> None:
        while (frame := worker.hear()) is not None:
            self._told.put(msgspec.json.decode(frame, type=Told))
        if not worker.is_done:
            self._told.put(Told(error=f"it {worker.end}"))
        self._told.put(None)


def main() -> None:
    """Do parts of the fill until none is left; a worker's whole life."""
    frame = processes.take(sys.stdin.buffer)
    if frame is None:
        return  # the parent is gone already
    task = msgspec.json.decode(frame, type=Task)
    # A fold makes no cycles, and the collector's rounds would take as long as the fold itself.
    gc.freeze()
    gc.disable()
    database = Database(task.conninfo, pool_size=1)
    try:
        log = Log(database)
        locale = log.locale()
        if locale is None:
            raise RebuildRefused("the ledger has no time zone yet: it is fixed with the first event")
        known = {projection.name: projection for projection in all_projections(zone_of(locale.time_zone))}
        with database.session() as connection:
            builds = tuple(
                (known[build.projection], build) for build in all_builds(connection) if build.fill == task.fill
            )
            fill = Fill(task.fill, task.position, builds)
            for events in do_parts(connection, log, fill):
                _tell(Told(events))
    except BrokenPipeError:
        os._exit(0)  # the parent is gone, and with it whoever would read an error
    except Exception as error:  # noqa: BLE001  # the parent says it, whatever it is
        _tell(Told(error=f"{type(error).__name__}: {error}"))
    finally:
        database.close()


def _tell(told: Told) -> None:
    processes.put(sys.stdout.buffer, msgspec.json.encode(told))


if __name__ == "__main__":
    main()
