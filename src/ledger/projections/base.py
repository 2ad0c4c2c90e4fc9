"""What a projection is: a pure function from the steps of one stream to changes of its tables.

Rows are bitemporal. A row is known from the position that made it true until the position that made it false, and a
change says only which rows open and which close: the runner gives the positions. Where the matter has days, a row also
holds for the local days [day_from, day_to).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct

from ledger.domain.events import EVENT_TYPES, EventData, Record
from ledger.domain.task import Task

Values = tuple[Any, ...]
"""One row without its known range, in the order of its table's columns. JSON and arrays are given as text."""


class Table(Struct, frozen=True):
    """A table of a read model. Besides `columns` it holds `known_from` and `known_to` (NULL: until further notice)."""

    name: str
    key: tuple[str, ...]
    """The leading columns that tell rows apart: at most one row of a key is open at a time, and a position opens at
    most one. The first of them holds the code of the stream's aggregate.
    """
    key_types: tuple[str, ...]
    """Their SQL types."""
    columns: tuple[str, ...]
    """All columns, the key's first."""

    def key_of(self, row: Values) -> Values:
        """The key's part of a row."""
        return row[: len(self.key)]


class Changes(Struct):
    """What one record does to the tables: the keys whose open rows close, and the rows that open."""

    closed: list[tuple[Table, Values]] = []
    opened: list[tuple[Table, Values]] = []

    def replace_all(self, table: Table, old: Mapping[Values, Values], new: Mapping[Values, Values]) -> None:
        """The rows of `old` stand no more, and those of `new` do, both by key; nothing happens to rows in both."""
        for key, row in old.items():
            if new.get(key) != row:
                self.closed.append((table, key))
        for key, row in new.items():
            if old.get(key) != row:
                self.opened.append((table, row))

    def replace(self, table: Table, old: Values | None, new: Values | None) -> None:
        """`old` stands no more, and `new` does; nothing happens when they are equal."""
        if old == new:
            return
        if old is not None:
            self.closed.append((table, table.key_of(old)))
        if new is not None:
            self.opened.append((table, new))


class Step(Struct, frozen=True, gc=False):
    """One more record of a stream; of a task's, the task before and after it, if any projection asks for it."""

    record: Record
    records: Sequence[Record]
    """The stream up to this record, in order of version: `records[i]` has version i + 1."""
    before: Task | None
    after: Task | None


def events_of(kind: str) -> frozenset[type[EventData]]:
    """All types of events of that kind of stream: `task`, `unit`, `plan`."""
    return frozenset(cls for name, cls in EVENT_TYPES.items() if name.startswith(f"{kind}."))


class Projection(ABC):
    """A read model in the making. `apply` is pure, and called in order for the records of a stream that it reads."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever the same log would give other rows: the read model must then be rebuilt."""
    stream_kind: ClassVar[str]
    """The kind of stream that it reads: `task`, `unit`, `plan`."""
    reads: ClassVar[frozenset[type[EventData]]]
    """The types of events that can change its rows, whenever they are dated; `apply` is not called for others."""
    of_task: ClassVar[bool] = False
    """It looks at the task before and after a step. To others they may be None, and a stream of which no task can come
    is as good as any.
    """
    tables: ClassVar[tuple[Table, ...]]
    ddl: ClassVar[str]
    """The .sql file in `ledger.projections.sql` that makes the `tables`, and then their `indexes`."""

    @abstractmethod
    def initial(self) -> Any:
        """The state before a stream's first record."""

    @abstractmethod
    def apply(self, state: Any, step: Step) -> tuple[Any, Changes]:
        """The state after the step, and what changes in the tables."""

    @abstractmethod
    def resume(self, step: Step) -> Any:
        """A state after the step, from nothing but it, from which `apply` goes on as from the one that it has left.

        For streams whose state is not at hand: what is worked out anew at each record is needed at the last one alone.
        The step's `before` is not given.
        """
