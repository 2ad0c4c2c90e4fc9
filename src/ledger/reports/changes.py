"""`changes`: what differs between two pairs of (as_of, on)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping

from ledger.attribution import slip
from ledger.domain import task as tasks
from ledger.domain.task import Situation
from ledger.domain.times import utc_text
from ledger.domain.values import Deadline
from ledger.errors import BadQuery
from ledger.projections.rows import Reading, Scope
from ledger.reports.base import Asked, Body, Column, Report, Row
from ledger.reports.parameters import Known, Parameter
from ledger.reports.sums import residual
from ledger.reports.tasks import open_blockers

SINCE_ON = Parameter[dt.date | None](
    "since_on", "day", None, "Against the situation at the end of that local day; by default 7 days before."
)
SINCE_AS_OF = Parameter[Known | None](
    "since_as_of", "as_of", None, "Against what was known at that time; by default the same as is known now."
)
KINDS = (
    "new", "done", "cancelled", "reopened", "reassigned", "moved", "blocked", "unblocked", "slipped",
)  # fmt: skip
Change = tuple[str, str | None, str | None, int | None]
"""(kind, before, after, days)."""


class ChangesReport(Report):
    """One row a change of a task. The days of `slipped` sum to what the slip of the whole has grown."""

    name = "changes"
    title = "What has changed"
    columns = (
        Column("task", "Task"),
        Column("title", "Title"),
        Column("lead", "Lead"),
        Column("change", "Change", "word"),
        Column("before", "Before", "word"),
        Column("after", "After", "word"),
        Column("days", "Days", "number"),
    )
    parameters = (SINCE_AS_OF, SINCE_ON)

    def build(self, reading: Reading, asked: Asked) -> Body:
        """A task is in scope when it was at either end. Raises `BadQuery` when the first end lies after the second."""
        then = _since(reading, asked)
        everywhere = Scope(plan=asked.scope.plan, task=asked.scope.task)
        before = {row.task: row.situation for row in then.tasks(everywhere)}
        after = {row.task: row.situation for row in reading.tasks(everywhere)}
        slips = (_slips(then, everywhere, asked), _slips(reading, everywhere, asked))
        codes = [code for code in sorted(before.keys() | after.keys()) if _in(asked.scope, before, after, code)]
        rows = []
        for code in codes:
            was, now = before.get(code), after.get(code)
            if now is not None:
                slipped = (slips[0].get(code, 0), slips[1].get(code, 0))
                rows += [_row(code, now, change) for change in (*_changes(was, now, reading.on), *_slipped(*slipped))]
        return _body(rows, sum(slips[1].get(code, 0) - slips[0].get(code, 0) for code in codes), then, asked)


def _since(reading: Reading, asked: Asked) -> Reading:
    known, on = asked.value(SINCE_AS_OF), asked.value(SINCE_ON)
    if known is not None and known.position > reading.position:
        raise BadQuery(SINCE_AS_OF.name, "it lies after as_of")
    if on is None:
        on = dt.date.fromordinal(max(1, reading.on.toordinal() - 7))
    if on > reading.on:
        raise BadQuery(SINCE_ON.name, f"{on} lies after {reading.on}, the day asked about")
    return reading.at(known.position if known is not None else reading.position, on)


def _slips(reading: Reading, scope: Scope, asked: Asked) -> dict[str, int]:
    working_days = reading.working_days()
    return {
        found.task: slip(found.epoch, reading.on, working_days).calendar_days
        for found in reading.slips(scope, asked.baseline)
    }


def _in(scope: Scope, before: Mapping[str, Situation], after: Mapping[str, Situation], code: str) -> bool:
    if scope.units is None:
        return True
    return any(code in ends and ends[code].lead in scope.units for ends in (before, after))


def _changes(was: Situation | None, now: Situation, on: dt.date) -> Iterator[Change]:
    """How the two situations of a task differ, but for its slip; of a new task, what it has come to besides."""
    status = tasks.status(now, on)
    if was is None:
        yield "new", None, status, None
    if now.is_closed and (was is None or was.life != now.life):
        yield "done" if now.life == "done" else "cancelled", None, status, None
    if was is None:
        return
    if was.is_closed and not now.is_closed:
        yield "reopened", was.life, status, None
    if was.lead != now.lead:
        yield "reassigned", was.lead, now.lead, None
    if not _alike(was.deadline, now.deadline):
        yield "moved", _date(was.deadline), _date(now.deadline), _days(was.deadline, now.deadline)
    held, holds = ({b.code: b for b in open_blockers(each)} for each in (was, now))
    for code in sorted(holds.keys() - held.keys()):
        yield "blocked", None, f"{code} ({holds[code].owner})", None
    for code in sorted(held.keys() - holds.keys()):
        yield "unblocked", f"{code} ({held[code].owner})", None, None


def _slipped(before: int, after: int) -> Iterator[Change]:
    if before != after:
        yield "slipped", str(before), str(after), after - before


def _alike(one: Deadline | None, other: Deadline | None) -> bool:
    return one is other if one is None or other is None else one.falls_with(other)


def _date(deadline: Deadline | None) -> str | None:
    return deadline.date.isoformat() if deadline else None


def _days(old: Deadline | None, new: Deadline | None) -> int | None:
    return (new.last_day - old.last_day).days if old and new else None


def _row(code: str, now: Situation, change: Change) -> Row:
    kind, before, after, days = change
    return {
        "task": code,
        "title": now.title,
        "lead": now.lead,
        "change": kind,
        "before": before,
        "after": after,
        "days": days,
    }


def _body(rows: list[Row], grown: int, then: Reading, asked: Asked) -> Body:
    counts = Counter(row["change"] for row in rows)
    total = {
        "tasks": len({row["task"] for row in rows}),
        "changes": len(rows),
        **{kind: counts[kind] for kind in KINDS},
        "slip_days": grown,
    }
    slipped = [{"slip_days": row["days"]} for row in rows if row["change"] == "slipped"]
    known = asked.value(SINCE_AS_OF)
    since = {"on": then.on.isoformat(), "position": then.position}
    if known is not None:
        since["as_of"] = utc_text(known.as_of)
    return Body(rows, total, residual(total, slipped, ("slip_days",)), more={"since": since})
