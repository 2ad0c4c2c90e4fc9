"""Values as text in a cell, for the formats that have nothing but text."""

from __future__ import annotations

from typing import Any

import orjson


def cell_text(value: Any) -> str:
    """The value as people read it: nothing for None, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode() if value else ""
    return str(value)
