"""The OpenAPI document: what FastAPI finds out by itself, and the schemas that it does not see."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI

from ledger.api.problems import MEDIA_TYPE
from ledger.services.command_line import COMMAND_NAMES, CommandLine

ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def install(app: FastAPI) -> None:
    """`app.openapi()` is the whole document, made once."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schemas = generate().setdefault("components", {}).setdefault("schemas", {})
            _, components = msgspec.json.schema_components((CommandLine,), ref_template="#/components/schemas/{name}")
            schemas |= components | {"Problem": _PROBLEM}
            schemas["CommandLine"]["properties"]["command"] = {"enum": list(COMMAND_NAMES)}
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
