"""One task, whole: how it stands, who slipped, and what happened."""

from __future__ import annotations

from typing import Any

from ledger.errors import NotFound
from ledger.projections.rows import Scope
from ledger.reports.language import Language
from ledger.reports.slip import task_slips
from ledger.services.queries import Queries
from ledger.services.task_views import opened_json, placed, task_json, timeline_json


def task_page(
    queries: Queries, code: str, as_of: str | None, on: str | None, language: Language = "en", *, replay: bool
) -> dict[str, Any]:
    """The task at (as_of, on): its state, its slip against the active baseline with the charges, its timeline.

    Raises `NotFound` when it was not assigned by then, as far as was known.
    """
    point = queries.point(as_of, on)
    with queries.reading(point, replay=replay) as reading:
        rows = reading.tasks(Scope(task=code), limit=1)
        if not rows:
            raise NotFound("task", code)
        slips = task_slips(reading, Scope(task=code), "active")
        timeline = reading.timeline(code)
    return placed(point) | {
        "state": opened_json(queries, task_json(rows[0], point.on), language),
        "slip": slips[0]["slip"],
        "charges": slips[0]["charges"],
        "timeline": timeline_json(queries, timeline, language),
    }
