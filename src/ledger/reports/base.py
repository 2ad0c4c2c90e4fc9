"""What a report is: a pure function from a reading of the ledger to rows that add up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from msgspec import Struct, field

from ledger.projections.rows import Reading, Scope
from ledger.reports.parameters import Parameter, V, Value, value_of

Baseline = Literal["active", "original"]
Row = dict[str, Any]
"""A row's values by column key; plain JSON values. In JSON a key with a dot, `percent.done`, is one in an object."""


class Column(Struct, frozen=True):
    """A column: its key in JSON and CSV, and its English heading, which paper and screen show in the reader's language.

    The values of a `word` column are codes of ours (`done_late`, `ungrounded_extension`), likewise shown as words.
    """

    key: str
    heading: str
    kind: Literal["text", "number", "date", "word"] = "text"
    detail: bool = False
    """Of less use than the others: pages and terminals, which are narrow, may leave it out."""


class Asked(Struct, frozen=True):
    """What a report was asked for, besides the (as_of, on) that its reading stands at."""

    scope: Scope
    baseline: Baseline = "active"
    values: Mapping[str, Value] = {}
    """Of the report's own parameters: those that were given."""

    def value(self, parameter: Parameter[V]) -> V:
        """The value of one of the report's parameters."""
        return value_of(self.values, parameter)


class Body(Struct, frozen=True):
    """The figures of a report.

    `total` holds the sums that the rows are parts of, and `residual` what the parts leave over, when they do.
    `flags` names what is odd in the data though it was taken; `more` is what JSON carries besides the rows.
    """

    rows: Sequence[Row]
    total: Row
    residual: Row | None = None
    flags: dict[str, list[str]] = field(default_factory=dict)
    more: Row = field(default_factory=dict)


class Report(ABC):
    """One report. `build` is pure: the same reading and question give the same body."""

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    parameters: ClassVar[tuple[Parameter[Any], ...]] = ()
    """What it may be asked besides scope, baseline and the two times."""

    @abstractmethod
    def build(self, reading: Reading, asked: Asked) -> Body:
        """The figures."""
