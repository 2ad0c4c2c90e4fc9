"""Documents made up for the writers: real reports, with rows and totals of the test's own."""

from __future__ import annotations

from typing import Any

from ledger.reports import REPORTS
from ledger.reports.base import Body, Row
from ledger.reports.document import Document

ROOT = "46f679c300173ff9e2da1d639b48ffd03690f229ba3af04b92a07993dc47c86c"
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", '=HYPERLINK("http://x")', "=1+1|' /C calc'!A0")


def document(name: str, rows: list[Row], total: Row | None = None, **more: Any) -> Document:  # noqa: ANN401  # the document's other fields
    """The report with those rows; columns that a row does not name are empty."""
    report = REPORTS[name]
    whole = [{column.key: None for column in report.columns} | row for row in rows]
    body = Body(
        whole, {"tasks": len(rows)} if total is None else total, more.pop("residual", None), more.pop("flags", {})
    )
    given: dict[str, Any] = {
        "parameters": {},
        "on": "2025-11-20",
        "as_of": "2025-11-20T16:59:59.999999Z",
        "position": 1234,
        "root": ROOT,
        "imports": [{"name": "cũ.ndjson", "sha256": "ab" * 32}],
    }
    return Document(report=report, body=body, **(given | more))


def overdue(rows: int = 3, title: str = "Xây dựng cơ sở dữ liệu đất đai quốc gia") -> Document:
    """The overdue tasks of a made-up ministry."""
    return document("overdue", [overdue_row(n, title) for n in range(rows)])


def overdue_row(n: int, title: str) -> Row:
    return {
        "task": f"T{n}",
        "title": title,
        "lead": "Cục Chuyển đổi số",
        "original": "2025-03-08",
        "current": "2025-10-15",
        "days_over_original": 1257,
        "days_over_current": 36 + n,
        "cause": "ungrounded_extension",
        "cause_unit": "U1",
        "blocker": None,
        "proposal": None,
        "confirmed": False,
    }


def status() -> Document:
    """The ministry's table of 20 November 2025, with a residual that it does not have."""
    total = {
        "unit": None, "total": 187, "done_on_time": 41, "done_late": 17, "open_in_time": 119, "not_stated": 10,
        "percent.done": 31.0, "percent.done_on_time": 21.9,
    }  # fmt: skip
    return document(
        "status", [total | {"unit": "BTNMT"}], total, residual={"total": 1}, flags={"ends_before_start": ["T1"]}
    )
