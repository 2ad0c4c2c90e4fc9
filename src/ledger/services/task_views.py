"""Tasks as every door shows them: the one JSON of a state, of a list of states, and of a timeline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import to_builtins

from ledger.domain import task as tasks
from ledger.domain.task import Situation
from ledger.domain.texts import map_data, references_in, said
from ledger.domain.times import utc_text
from ledger.domain.values import Deadline
from ledger.errors import NotFound
from ledger.projections.rows import Point, Scope, TaskRow, TimelineRow
from ledger.reports.base import Baseline
from ledger.reports.language import Language, translator
from ledger.reports.slip import task_slips
from ledger.reports.words import describe
from ledger.services.answers import ENDS_BEFORE_START
from ledger.services.queries import Queries
from ledger.services.reporting import scope_of

Json = dict[str, Any]


def task_state(queries: Queries, code: str, as_of: str | None, on: str | None) -> Json:
    """The task at (as_of, on). Raises `NotFound` when it was not assigned by then, as far as was known."""
    point = queries.point(as_of, on)
    with queries.reading(point) as reading:
        rows = reading.tasks(Scope(task=code), limit=1)
    if not rows:
        raise NotFound("task", code)
    return placed(point) | opened_json(queries, task_json(rows[0], point.on))


def task_timeline(queries: Queries, code: str, as_of: str | None, on: str | None) -> Json:
    """What happened to the task by day `on`, in words and facts, in the order in which the ledger learnt it.

    Raises `NotFound` when nothing had happened to it.
    """
    point = queries.point(as_of, on)
    with queries.reading(point) as reading:
        rows = reading.timeline(code)
    if not rows:
        raise NotFound("task", code)
    return placed(point) | {"task": code, "records": timeline_json(queries, rows)}


def task_charges(queries: Queries, code: str, as_of: str | None, on: str | None, baseline: Baseline = "active") -> Json:
    """The task's slip against a baseline and who is charged with it: what `report slip` holds under `tasks`.

    Raises `NotFound` when it was not assigned by then, as far as was known.
    """
    point = queries.point(as_of, on)
    with queries.reading(point) as reading:
        found = task_slips(reading, Scope(task=code), baseline)
    if not found:
        raise NotFound("task", code)
    return opened_json(queries, found[0]) | {"position": point.position}


def task_list(
    queries: Queries,
    as_of: str | None,
    on: str | None,
    unit: str | None = None,
    plan: str | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Json:
    """The tasks by code, from the one behind `after`, at most `limit`; `next` is what to go on after, or None.

    Raises `NotFound` for a unit that was not known then.
    """
    point = queries.point(as_of, on)
    with queries.reading(point) as reading:
        rows = reading.tasks(scope_of(reading, unit, plan, None), after=after, limit=limit and limit + 1)
    shown = rows[:limit]
    return placed(point) | {
        "tasks": queries.texts.opened([task_json(row, point.on) for row in shown]),
        "next": shown[-1].task if len(shown) < len(rows) else None,
    }


def placed(point: Point) -> Json:
    """What every answer about a point says first: the day, what was known, and how many records that was."""
    return {"on": point.on.isoformat(), "as_of": utc_text(point.as_of), "position": point.position}


def task_json(row: TaskRow, on: dt.date) -> Json:
    """The task as it stands at the end of local day `on`, with references in place of texts."""
    now = row.situation
    return {
        "task": row.task,
        "title": now.title,
        "lead": now.lead,
        "coordinating": list(now.coordinating),
        "officer": now.officer,
        "authority": now.authority,
        "result": now.result,
        "start": _day(now.start),
        "priority": now.priority,
        "classification": now.classification,
        "plan_items": to_builtins(now.plan_items),
        "assigned_on": _day(now.assigned_on),
        "deadline": _deadline(now.deadline),
        "original": _deadline(now.original),
        "baseline": _deadline(now.baseline),
        "status": tasks.status(now, on),
        "life": now.life,
        "suspended_by": now.suspended_by,
        "percent": _percent(now.percent),
        "reported_on": _day(now.reported_on),
        "reviewer": now.reviewer,
        "submitted_on": _day(now.submitted_on),
        "closed_on": _day(now.closed_on),
        "returns": now.returns,
        "blockers": to_builtins(now.blockers),
        "requests": _requests(now),
        "flags": [ENDS_BEFORE_START] if now.ends_before_start else [],
    }


def opened_json(queries: Queries, given: Json, language: Language = "en") -> Json:
    """With the texts in place of the references."""
    return queries.texts.opened(given, translator(language).word)


def timeline_json(queries: Queries, rows: Sequence[TimelineRow], language: Language = "en") -> list[Json]:
    """Records of a task in words, with the texts that are in them."""
    texts = queries.texts.resolve(references_in([row.data for row in rows]))
    return [_record_json(row, texts, language) for row in rows]


def _record_json(row: TimelineRow, texts: Mapping[str, str], language: Language) -> Json:
    """One record of a task: what it says, when it happened, when the ledger learnt it."""
    word = translator(language).word
    data = map_data(row.data, lambda _path, _kind, ref: said(texts[ref], word))
    return {
        "version": row.version,
        "position": row.position,
        "recorded_at": utc_text(row.recorded_at),
        "effective": row.effective,
        "type": row.type,
        "unit": row.unit,
        "text": describe(data, language),
        "event": row.event,
        "retracted_by": row.retracted_by,
    }


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _deadline(deadline: Deadline | None) -> Json | None:
    """The deadline with the last local day that is still in time."""
    if deadline is None:
        return None
    return {
        "date": deadline.date.isoformat(),
        "kind": deadline.kind,
        "text": deadline.text,
        "roll_forward": deadline.roll_forward,
        "last_day": deadline.last_day.isoformat(),
    }


def _percent(points: int | None) -> int | float | None:
    """Basis points as a number of per cent: whole where it can be, else with its one or two decimals."""
    if points is None:
        return None
    return points // 100 if points % 100 == 0 else points / 100


def _requests(now: Situation) -> list[Json]:
    return [
        {
            "code": request.code,
            "by": request.by,
            "new_deadline": _deadline(request.new_deadline),
            "grounds": [
                {name: value for name, value in to_builtins(ground).items() if value is not None}
                for ground in request.grounds
            ],
        }
        for request in now.requests
    ]
