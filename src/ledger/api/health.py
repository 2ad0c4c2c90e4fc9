"""`/healthz`: the process lives. `/readyz`: it can answer. Neither is ever cached."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from msgspec import to_builtins
from starlette.requests import Request
from starlette.responses import Response

from ledger.api import problems
from ledger.api.json_response import Json
from ledger.api.parameters import none_at_all
from ledger.api.parts import Parts, parts_of
from ledger.errors import LedgerError
from ledger.projections.builds import builds_in_use, standings
from ledger.services.cosigning import together
from ledger.store.migrate import check_current

router = APIRouter(tags=["health"], dependencies=[Depends(none_at_all)])
_NOT_READY = problems.Kind("not-ready", 503, "The server cannot answer")
_UNCACHED = {"Cache-Control": "no-store"}


@router.get("/healthz")
async def healthz() -> Response:
    """The process lives and its event loop turns."""
    return Json({"status": "alive"}, headers=_UNCACHED)


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Database, schema and follower are as they should be.

    `lag` says how many events each read model is behind, `parked` how many streams they have given up on, `witnesses`
    how far each of those stands for the log.
    """
    parts = parts_of(request)
    try:
        found = _looked_up(parts)
    except LedgerError as error:
        return problems.problem(_NOT_READY, {"detail": str(error)}, _UNCACHED)
    if not parts.following.is_alive:
        detail = "the read models are not being followed"
        return problems.problem(_NOT_READY, {"detail": detail} | found, _UNCACHED)
    return Json({"status": "ready"} | found, headers=_UNCACHED)


def _looked_up(parts: Parts) -> dict[str, Any]:
    """How long the log is, and how the read models stand. Raises `LedgerError` for what cannot be used."""
    # A connection of its own, so that a busy pool is not taken for a lost database.
    with parts.ledger.database.connect() as connection:
        check_current(connection)
        in_use = {build.schema for build in builds_in_use(connection, parts.ledger.projections).values()}
        found = [each for each in standings(connection) if each.build.schema in in_use]
    return {
        "position": max((each.build.position + each.behind for each in found), default=0),
        "lag": {each.build.projection: each.behind for each in found},
        "parked": sum(each.parked for each in found),
        "witnesses": [to_builtins(standing) for standing in together.standings(parts.ledger)],
    }
