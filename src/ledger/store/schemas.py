"""What entries look like, as JSON Schema (draft 2020-12): one schema for each event type and schema version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from ledger.domain.events import EVENT_TYPES, Actor, EventData
from ledger.domain.texts import REFERENCE, text_fields
from ledger.errors import NotFound

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = {
    "type": "string",
    "pattern": f"^({REFERENCE.pattern})?$",
    "description": "A reference to a text, which the entry does not hold (docs/entry-format.md), or nothing.",
}
_DAY_OR_INSTANT = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?$",
        description="A local day, or an instant with the ledger's own offset.",
    ),
]
_RECORDED_AT = Annotated[int, Meta(ge=0, description="Microseconds since 1970, UTC; rises strictly with the position.")]
_ID = Annotated[str, Meta(description="UUID, version 7.")]


def versions() -> Iterator[tuple[str, int]]:
    """(type, schema version) of every entry that this product writes, by type."""
    for name in sorted(EVENT_TYPES):
        yield name, EVENT_TYPES[name].schema_version


def path(name: str, v: int) -> str:
    """Where the API has the schema."""
    return f"/v1/schemas/{name}/v{v}"


def entry_schema(name: str, v: int) -> dict[str, Any]:
    """The schema of entries of that event type and schema version. Raises `NotFound`."""
    data = EVENT_TYPES.get(name)
    if data is None or data.schema_version != v:
        raise NotFound("schema", f"{name} v{v}")
    ((_,), components) = msgspec.json.schema_components((_entry(name, data),), ref_template="#/$defs/{name}")
    for struct in _structs(data):
        _refer(components, struct)
    root = components.pop("Entry")
    return {"$schema": DIALECT, "$id": path(name, v), **root, "title": f"{name} v{v}", "$defs": components}


def _entry(name: str, data: type[EventData]) -> type[Struct]:
    event = msgspec.defstruct(
        "Event",
        [
            ("actor", Actor),
            ("causation", str | None),
            ("correlation", str | None),
            ("data", data),
            ("effective", _DAY_OR_INSTANT),
            ("id", _ID),
            ("stream", str),
            ("type", Literal[name]),
            ("v", Literal[data.schema_version]),
            ("version", Annotated[int, Meta(ge=1)]),
        ],
        forbid_unknown_fields=True,
    )
    return msgspec.defstruct("Entry", [("event", event), ("recorded_at", _RECORDED_AT)], forbid_unknown_fields=True)


def _structs(data: type[Struct]) -> Iterator[type[Struct]]:
    """The types that the entry is made of, which may hold texts."""
    waiting: list[Any] = [Actor, data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, Struct):
            yield each
            waiting.extend(field.type for field in msgspec.structs.fields(each))
        else:
            waiting.extend(get_args(each))


def _refer(components: dict[str, Any], struct: type[Struct]) -> None:
    """Where the type has texts, entries have references."""
    properties = components[struct.__name__]["properties"]
    for name in text_fields(struct):
        held = properties[name]
        may_be_null = any(each == {"type": "null"} for each in held.get("anyOf", ()))
        properties[name] = {"anyOf": [_REFERENCE, {"type": "null"}]} if may_be_null else _REFERENCE
