"""JSON answers, encoded in one way."""

from __future__ import annotations

import orjson
from starlette.responses import Response


def encoded(value: object) -> bytes:
    """The value as compact JSON with a line feed at the end, as `--format json` prints it."""
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


class Json(Response):
    """An answer whose body is the JSON of its content."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The bytes of the body."""
        return encoded(content)
