"""Query parameters: strictly those that a route has, each once, as the text that was sent."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request

from ledger.errors import BadQuery

MAX_POSITION = 2**63 - 1
_LOST_PLUS = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")

Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A short text without control characters."""


def _with_plus(text: str) -> str:
    """In a query a bare `+` means a blank; where a time has a blank before its offset, a `+` was meant."""
    match = _LOST_PLUS.fullmatch(text)
    return f"{match[1]}+{match[2]}" if match else text


class Parameters(BaseModel):
    """Of a route's query; what it does not name is refused."""

    model_config = ConfigDict(extra="forbid")


class At(Parameters):
    """The two times that every read takes."""

    as_of: Annotated[Word, AfterValidator(_with_plus)] | None = Field(
        None, description="What was known at that time: a local day (all of it), or an instant with its offset."
    )
    on: Word | None = Field(None, description="The situation at the end of that local day.")
    wait: Annotated[int, Field(ge=0, lt=MAX_POSITION)] | None = Field(
        None,
        exclude=True,
        description="Answer when the record at that position can be read: what was recorded is then seen, whoever "
        "answers.",
    )


class InScope(At):
    """The two times, and which tasks."""

    unit: Word | None = Field(None, description="Led by this unit or one below it.")
    plan: Word | None = Field(None, description="Citing an item of this plan.")


async def each_once(request: Request) -> None:
    """No parameter is given twice; raises `BadQuery`, as it could not be told which one is meant."""
    seen = set()
    for name, _ in request.query_params.multi_items():
        if name in seen:
            raise BadQuery(name, "it is given twice")
        seen.add(name)


async def none_at_all(request: Request) -> None:
    """The route takes no parameters; raises `BadQuery` when there are any."""
    for name in request.query_params:
        raise BadQuery(name, "there is no such parameter")
