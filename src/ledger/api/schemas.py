"""`/v1/schemas`: what entries look like."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from ledger.api.json_response import Json
from ledger.store import schemas

router = APIRouter(prefix="/v1/schemas", tags=["schemas"])


@router.get("")
def listing() -> Response:
    """Every event type and schema version, with the address of its JSON Schema."""
    found = [{"type": name, "v": v, "schema": schemas.path(name, v)} for name, v in schemas.versions()]
    return Json({"schemas": found})


@router.get("/{type_name}/v{v}")
def schema(type_name: str, v: int) -> Response:
    """The JSON Schema (draft 2020-12) of entries of that event type and schema version."""
    content = orjson.dumps(schemas.entry_schema(type_name, v))
    return Response(content, media_type="application/schema+json")
