"""`/v1/reports`: every report, in the format that is asked for; the bytes are those that `ledger report` prints."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.api.evidence import evidence_links
from ledger.api.json_response import Json
from ledger.api.parameters import InScope, Word, none_at_all
from ledger.api.parts import parts_of
from ledger.errors import BadQuery
from ledger.reports import REPORTS
from ledger.reports.language import LANGUAGES
from ledger.reports.writers import WRITERS
from ledger.services.reporting import ReportRequest, report

router = APIRouter(tags=["reports"])
_PREFERRED = ("json", *(name for name in WRITERS if name != "json"))
"""Of formats that are equally welcome, the first is taken."""
_MEDIA_TYPES = {name: WRITERS[name][0].partition(";")[0] for name in _PREFERRED}


class Question(InScope):
    """What every report takes. The rest is the report's own, which refuses what it does not know."""

    model_config = ConfigDict(extra="allow")

    baseline: Word | None = Field(None, description="active or original.")
    task: Word | None = Field(None, description="This task only.")
    format: Word | None = Field(None, description=f"One of {', '.join(WRITERS)}; by default what Accept prefers.")
    lang: Word | None = Field(None, description=f"Of what people read, one of {', '.join(LANGUAGES)}.")


def _own() -> dict[str, Any]:
    """The reports' own parameters, for the OpenAPI document."""
    takers: dict[str, list[str]] = {}
    for name, each in REPORTS.items():
        for parameter in each.parameters:
            takers.setdefault(parameter.name, []).append(f"{name}: {parameter.help}")
    return {
        "parameters": [
            {"name": name, "in": "query", "description": " ".join(said), "schema": {"type": "string"}}
            for name, said in takers.items()
        ]
    }


@router.get("/v1/reports", dependencies=[Depends(none_at_all)])
async def reports() -> Response:
    """The reports that there are."""
    return Json({"reports": [{"name": each.name, "title": each.title} for each in REPORTS.values()]})


@router.get(
    "/v1/reports/{name}",
    responses={200: {"content": {name: {} for name in _MEDIA_TYPES.values()}}},
    openapi_extra=_own(),
)
def one_report(request: Request, name: str, question: Annotated[Question, Query()]) -> Response:
    """One report."""
    chosen = question.format
    if chosen is None:
        chosen = _accepted(", ".join(request.headers.getlist("accept")))
    if chosen not in WRITERS:
        raise BadQuery("format", f"{chosen!r} is not one of {', '.join(WRITERS)}")
    parts = parts_of(request)
    language = parts.ledger.settings.language if question.lang is None else question.lang
    if language not in LANGUAGES:
        raise BadQuery("lang", f"{language!r} is not one of {', '.join(LANGUAGES)}")
    own = question.model_extra or {}
    asked = ReportRequest(name, **question.model_dump(exclude={"format", "lang"} | own.keys()), parameters=own)
    document = report(parts.queries_after(question.wait), asked)
    media_type, write = WRITERS[chosen]
    file = f"{name}-{document.on}.{'txt' if chosen == 'table' else chosen}"
    headers = {"Vary": "Accept", "Content-Disposition": f'inline; filename="{file}"'}
    if asked.task is not None:
        charges = [charge for each in document.body.more.get("tasks", ()) for charge in each["charges"]]
        headers |= evidence_links(request, charges) or {}
    return Response(write(document, language), media_type=media_type, headers=headers)


def _accepted(accept: str) -> str:
    """The format that the Accept header prefers (RFC 9110, section 12.5.1); 406 when it admits none."""
    if not accept.strip():
        return _PREFERRED[0]
    weights: dict[str, float] = {}
    for part in accept.split(","):
        media_range, *parameters = (piece.strip() for piece in part.lower().split(";"))
        weights[media_range] = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    best = max(_PREFERRED, key=lambda name: _welcome(_MEDIA_TYPES[name], weights))
    if _welcome(_MEDIA_TYPES[best], weights) <= 0:
        raise HTTPException(406, f"a report comes as {', '.join(_MEDIA_TYPES.values())}")
    return best


def _welcome(media_type: str, weights: dict[str, float]) -> float:
    """The weight of the most specific range that holds the media type; 0 when none does."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
