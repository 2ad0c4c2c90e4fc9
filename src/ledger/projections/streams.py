"""The states of streams as projections have left them, at hand for the next record."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ledger.domain import task as tasks
from ledger.domain.events import Record
from ledger.domain.task import Task
from ledger.projections.base import Changes, Projection, Step


class StreamFailure(Struct, frozen=True):
    """The record on which a projection failed, and how."""

    position: int
    error: str


class StreamState:
    """One stream folded up to a version: its records, the task if one is asked for, and each projection's own state."""

    __slots__ = ("code", "failures", "folds_task", "kind", "projections", "records", "states", "task")

    def __init__(self, stream: str, projections: Sequence[Projection]) -> None:
        self.kind, _, self.code = stream.partition("/")
        self.records: list[Record] = []
        self.task: Task | None = None
        self.projections = [projection for projection in projections if projection.stream_kind == self.kind]
        self.folds_task = any(projection.of_task for projection in self.projections)
        self.states: dict[str, Any] = {projection.name: projection.initial() for projection in self.projections}
        self.failures: dict[str, StreamFailure] = {}

    @classmethod
    def resumed(cls, stream: str, projections: Sequence[Projection], records: Sequence[Record]) -> StreamState:
        """The stream after all these records, ready for the next: each projection's state is worked out once."""
        state = cls(stream, projections)
        try:
            task = tasks.fold(state.code, (record.event for record in records)) if state.folds_task else None
            step = Step(records[-1], records, None, task)
            states = {projection.name: projection.resume(step) for projection in state.projections}
        except Exception:  # noqa: BLE001  # one by one tells on which record which projection fails
            for record in records:
                state.advance(record)
        else:
            state.records, state.task, state.states = list(records), task, states
        return state

    @property
    def version(self) -> int:
        """How many of the stream's records are folded."""
        return len(self.records)

    def advance(self, record: Record) -> list[tuple[str, Changes]]:
        """Take one more record; returns (projection, changes) for each projection that reads its type.

        A projection that fails on a record is out for this stream from then on: `failures` says why.
        """
        self.records.append(record)
        if not self.projections:
            return []
        event, before = record.event, self.task
        if self.folds_task:
            try:
                self.task = tasks.evolve(before, event, self.code)
            except Exception as error:  # noqa: BLE001  # no task can come of this stream: who looks at it is out
                self._fail([projection for projection in self.projections if projection.of_task], record, error)
        step = Step(record, self.records, before, self.task)
        made, states, kind = [], self.states, type(event.data)
        for projection in self.projections:
            if kind in projection.reads:
                name = projection.name
                try:
                    states[name], changes = projection.apply(states[name], step)
                except Exception as error:  # noqa: BLE001  # a poisonous event parks its stream, never the log
                    self._fail([projection], record, error)
                else:
                    made.append((name, changes))
        return made

    def _fail(self, projections: Sequence[Projection], record: Record, error: Exception) -> None:
        failure = StreamFailure(record.position, f"{type(error).__name__}: {error}")
        self.failures.update((projection.name, failure) for projection in projections)
        self.projections = [projection for projection in self.projections if projection not in projections]
        self.folds_task = any(projection.of_task for projection in self.projections)


class StreamCache:
    """The most recently used stream states, bounded by the number of events that they hold."""

    def __init__(self, max_events: int = 200_000) -> None:
        self._max_events = max_events
        self._states: OrderedDict[str, StreamState] = OrderedDict()
        self._events = 0

    def get(self, stream: str, version: int) -> StreamState | None:
        """The state of the stream at exactly that version, or None."""
        state = self._states.get(stream)
        return state if state is not None and state.version == version else None

    def put(self, stream: str, state: StreamState) -> None:
        """The state is at hand, as the most recently used."""
        self.drop(stream)
        self._states[stream] = state
        self._events += state.version
        while self._events > self._max_events and len(self._states) > 1:
            _, oldest = self._states.popitem(last=False)
            self._events -= oldest.version

    def drop(self, stream: str) -> None:
        """The state is not at hand any more."""
        held = self._states.pop(stream, None)
        if held is not None:
            self._events -= held.version

    def clear(self) -> None:
        """Nothing is at hand."""
        self._states.clear()
        self._events = 0
