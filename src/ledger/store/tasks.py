"""Tasks rebuilt from their streams, kept at hand, and never trusted without asking for their version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eventsourcing.application import Repository
from eventsourcing.persistence import EventStore

from ledger.domain import task as tasks
from ledger.domain.task import Task
from ledger.store.log import Log
from ledger.store.mapper import EntryMapper
from ledger.store.recorder import LedgerRecorder

_END = 2**63 - 1


def stream_of(code: str) -> str:
    """The name of a task's stream."""
    return f"task/{code}"


class TaskRepository(Repository[str]):
    """The library's repository with its cache, read many at a time.

    What is returned is as new as the versions with which it is asked for: no statement for what is at hand, and one for
    all that other processes have changed. The values are frozen, so the cache is shared freely.
    """

    def __init__(self, recorder: LedgerRecorder, log: Log, *, cache_size: int = 50_000) -> None:
        super().__init__(EventStore(EntryMapper(), recorder), cache_maxsize=cache_size, deepcopy_from_cache=False)
        self._log = log

    def get_many(self, codes: Iterable[str], versions: Mapping[str, int]) -> dict[str, Task | None]:
        """By code: the task as it stands at the version given for its stream, or later; None when there is none."""
        wanted = {stream_of(code): code for code in codes}
        found: dict[str, Task | None] = dict.fromkeys(wanted.values())
        behind: dict[str, int] = {}
        for stream, code in wanted.items():
            held = self._cached(stream)
            at = held.version if held else 0
            found[code] = held
            if at < versions.get(stream, 0):
                behind[stream] = at
        for stream, records in self._log.stream_records(behind, _END).items():
            code = wanted[stream]
            task = found[code]
            for record in records:
                task = tasks.evolve(task, record.event, code)
            found[code] = task
            if task is not None:
                self.keep(task)
        return found

    def keep(self, task: Task) -> None:
        """The task is at hand for the next question; call it only with what the log has recorded."""
        if self.cache is not None:
            self.cache.put(stream_of(task.code), task)  # type: ignore[arg-type]  # the cache holds what it is given

    def _cached(self, stream: str) -> Task | None:
        if self.cache is None:
            return None
        try:
            return self.cache.get(stream)  # type: ignore[return-value]  # only `keep` puts anything in
        except KeyError:
            return None
