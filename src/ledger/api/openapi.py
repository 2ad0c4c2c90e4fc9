"""The OpenAPI document: what FastAPI finds out by itself, and the schemas that it does not see."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from msgspec import structs

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
            schemas |= _command_line() | {"Problem": _PROBLEM}
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _command_line() -> dict[str, Any]:
    """The schema of a command line, by name; what a command's `data` holds is left to the command."""
    required: list[tuple[str, Any]] = []
    optional: list[tuple[str, Any, Any]] = []
    for field in structs.fields(CommandLine):
        if field.name == "data":
            optional.append(("data", dict[str, Any], msgspec.field(default_factory=dict)))
        elif field.required:
            required.append((field.name, field.type))
        else:
            optional.append((field.name, field.type, field.default))
    shown = msgspec.defstruct("CommandLine", [*required, *optional], forbid_unknown_fields=True)
    _, schemas = msgspec.json.schema_components((shown,), ref_template="#/components/schemas/{name}")
    schemas["CommandLine"]["properties"]["command"] = {"enum": list(COMMAND_NAMES)}
    return schemas
