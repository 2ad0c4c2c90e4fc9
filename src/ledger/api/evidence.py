"""Links from charges to the events that they rest on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

MOST = 50
"""Links in one answer: a header that is longer than some 8 KB does not get through every proxy."""


def evidence_links(request: Request, charges: Iterable[dict[str, Any]]) -> dict[str, str] | None:
    """A header with a link to each event that the charges rest on, by position, or to the first `MOST` of them.

    The charges themselves name all positions. None when there is nothing to link to.
    """
    evidence = sorted({position for charge in charges for position in charge["evidence"]})[:MOST]
    links = ", ".join(f'<{_event_url(request, position)}>; rel="evidence"' for position in evidence)
    return {"Link": links} if links else None


def _event_url(request: Request, position: int) -> str:
    url = request.url_for("events").include_query_params(limit=1)
    return str(url.include_query_params(after=position - 1) if position else url)
