"""Reports on request: from the parameters of a door to a document."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from ledger.domain.texts import references_in
from ledger.domain.times import utc_text
from ledger.domain.values import Document as File
from ledger.errors import BadQuery, NotFound
from ledger.projections.rows import Point, Reading, Scope, subtree
from ledger.reports import REPORTS, parameters
from ledger.reports.base import Asked, Baseline
from ledger.reports.document import Document
from ledger.reports.parameters import Known
from ledger.reports.succession import OF_THE_DAY, UNITS


class ReportRequest(Struct, frozen=True):
    """A report as a door was asked for it; what is None was not given."""

    name: str
    as_of: str | None = None
    on: str | None = None
    baseline: Baseline | None = None
    unit: str | None = None
    plan: str | None = None
    task: str | None = None
    replay: bool = False
    """Answer by a fold over the log, and not from the read models: slower, and the same."""
    parameters: Mapping[str, str] = {}
    """Of the report's own: those that were given, as they were written."""


class Source(Protocol):
    """What a report is made from: a ledger (`Queries`), or the evidence in a certificate."""

    def point(self, as_of: str | None, on: str | None) -> Point:
        """The point that the two parameters name. Raises `BadQuery`."""
        ...

    def reading(self, point: Point, *, replay: bool = False) -> AbstractContextManager[Reading]:
        """The ledger as it stands at the point."""
        ...

    def root(self, position: int) -> bytes:
        """The root of the Merkle tree over the records before the position."""
        ...

    def imports(self, position: int) -> Sequence[File]:
        """The files of older systems that these records rest on, with references for their names."""
        ...

    def resolve(self, references: Collection[str]) -> Mapping[str, str]:
        """By reference: its text, or `Absent` for why there is none."""
        ...


def report(source: Source, request: ReportRequest) -> Document:
    """The document that answers; the same (as_of, on) and parameters give the same figures for ever, and the same texts
    until they are erased.

    Raises `NotFound` for an unknown report, unit, plan or task, `BadQuery` for a parameter that cannot be read.
    """
    chosen = REPORTS.get(request.name)
    if chosen is None:
        raise NotFound("report", f"{request.name}: there are {', '.join(REPORTS)}")
    if request.baseline not in (None, "active", "original"):
        raise BadQuery("baseline", f"{request.baseline!r} is neither active nor original")
    values = parameters.read(
        chosen.name, chosen.parameters, request.parameters, lambda name, text: _known_at(source, name, text)
    )
    point = source.point(request.as_of, request.on)
    with source.reading(point, replay=request.replay) as reading:
        with_merged = values.get(UNITS.name) != OF_THE_DAY
        scope = scope_of(reading, request.unit, request.plan, request.task, with_merged=with_merged)
        body = chosen.build(reading, Asked(scope, request.baseline or "active", values))
    given = {name: getattr(request, name) for name in ("baseline", "unit", "plan", "task")}
    given |= {name: value if isinstance(value, int) else request.parameters[name] for name, value in values.items()}
    imports = [{"name": file.name, "sha256": file.sha256} for file in source.imports(point.position)]
    references = references_in(body.rows, body.total, body.more, imports)
    return Document(
        report=chosen,
        parameters={name: value for name, value in given.items() if value is not None},
        on=point.on.isoformat(),
        as_of=utc_text(point.as_of),
        position=point.position,
        root=source.root(point.position).hex(),
        imports=imports,
        body=body,
        texts=source.resolve(references),
    )


def scope_of(
    reading: Reading, unit: str | None, plan: str | None, task: str | None, *, with_merged: bool = True
) -> Scope:
    """The scope that these parameters name; raises `NotFound` for a unit, plan or task that was not known then.

    A unit stands for its subtree, and `with_merged` for all that was merged into any of it.
    """
    units = None
    if unit is not None:
        known = reading.units()
        if all(row.unit != unit for row in known):
            raise NotFound("unit", unit)
        units = subtree(known, unit, with_merged=with_merged)
    if plan is not None and all(row.plan != plan for row in reading.plans()):
        raise NotFound("plan", plan)
    if task is not None and not reading.tasks(Scope(task=task), limit=1):
        raise NotFound("task", task)
    return Scope(units, plan, task)


def _known_at(source: Source, name: str, text: str) -> Known:
    try:
        point = source.point(text, None)
    except BadQuery as error:
        raise BadQuery(name, error.reason) from error
    return Known(point.as_of, point.position)
