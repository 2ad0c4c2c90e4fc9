"""`/v1/tasks`: tasks as they stand, and what happened to them, at any (as_of, on)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ledger.api.evidence import evidence_links
from ledger.api.json_response import Json
from ledger.api.parameters import At, InScope, Word
from ledger.api.parts import parts_of
from ledger.domain.values import Code
from ledger.errors import NotFound
from ledger.services import task_views

router = APIRouter(tags=["tasks"])


class Page(InScope):
    """Which tasks, and which of them first."""

    after: Word | None = Field(None, description="Begin behind this code.")
    limit: int = Field(100, ge=1, le=1000, description="How many tasks an answer holds, at most.")


class Charged(At):
    """A point, and the baseline to count from."""

    baseline: Literal["active", "original"] = Field("active", description="The baseline to count slip days from.")


@router.get("/v1/tasks")
def tasks(request: Request, query: Annotated[Page, Query()]) -> Response:
    """The tasks by code. `next` is what to give as `after`; the link to it stays at the same (as_of, on)."""
    page = task_views.task_list(parts_of(request).queries_after(query.wait), **query.model_dump())
    if page["next"] is None:
        return Json(page)
    url = request.url.include_query_params(as_of=page["as_of"], on=page["on"], after=page["next"])
    return Json(page, headers={"Link": f'<{url}>; rel="next"'})


# Before the route of a task, whose code may hold slashes.
@router.get("/v1/tasks/{code:path}/timeline")
def timeline(request: Request, code: str, at: Annotated[At, Query()]) -> Response:
    """What happened to a task, record by record, in words and facts."""
    return Json(task_views.task_timeline(parts_of(request).queries_after(at.wait), _checked(code), at.as_of, at.on))


@router.get("/v1/tasks/{code:path}/charges")
def charges(request: Request, code: str, query: Annotated[Charged, Query()]) -> Response:
    """Who is charged with the task's slip days. The links lead to the events that the charges rest on."""
    found = task_views.task_charges(
        parts_of(request).queries_after(query.wait), _checked(code), query.as_of, query.on, query.baseline
    )
    return Json(found, headers=evidence_links(request, found["charges"]))


@router.get("/v1/tasks/{code:path}")
def task(request: Request, code: str, at: Annotated[At, Query()]) -> Response:
    """How a task stands."""
    return Json(task_views.task_state(parts_of(request).queries_after(at.wait), _checked(code), at.as_of, at.on))


def _checked(code: str) -> str:
    """The code; raises `NotFound` for what can be none, some of which the database could not even be asked for."""
    try:
        return msgspec.convert(code, Code)
    except msgspec.ValidationError as error:
        raise NotFound("task", code) from error
