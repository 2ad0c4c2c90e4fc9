"""Reports asked of a test's ledger; every answer is had both ways, and both must be the same bytes."""

from __future__ import annotations

from typing import Any

import orjson
from msgspec.structs import replace

from ledger.reports.writers.json import write_json
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report

Answer = dict[str, Any]


def ask(ledger: Ledger, name: str, on: int | str = 31, as_of: str | None = None, **more: str) -> Answer:
    """The report as JSON, the same from the read models as by a fold. `on`: a day of March 2025, or as written.

    What is no general parameter is one of the report's own.
    """
    general = {key: more.pop(key) for key in ("baseline", "unit", "plan", "task") if key in more}
    day = f"2025-03-{on:02d}" if isinstance(on, int) else on
    request = ReportRequest(name, as_of, day, parameters=more, **general)  # type: ignore[arg-type]
    queries = ledger.queries()
    content = write_json(report(queries, request))
    assert content == write_json(report(queries, replace(request, replay=True))), request
    answer: Answer = orjson.loads(content)
    return answer


def by(answer: Answer, *keys: str) -> dict[Any, Answer]:
    """The rows by the value, or the values, of those columns."""
    return {row[keys[0]] if len(keys) == 1 else tuple(row[key] for key in keys): row for row in answer["rows"]}
