"""`/v1/log`: what others need to check the log. The same bytes as `ledger log` prints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ledger.api.json_response import Json
from ledger.api.parameters import MAX_POSITION, Parameters, none_at_all
from ledger.api.parts import parts_of
from ledger.services import proofs, sealing

router = APIRouter(tags=["log"])
Position = Annotated[int, Path(ge=0, le=MAX_POSITION)]


class Size(Parameters):
    """The tree that an inclusion proof is of."""

    size: int | None = Field(
        None, ge=1, le=MAX_POSITION, description="How many entries it is over. Default: those of the newest checkpoint."
    )


class Sizes(Parameters):
    """The two trees that a consistency proof is of."""

    old: int = Field(ge=1, le=MAX_POSITION, description="How many entries the older tree is over.")
    new: int = Field(ge=1, le=MAX_POSITION, description="How many entries the newer tree is over.")


@router.get(
    "/v1/log/checkpoint",
    dependencies=[Depends(none_at_all)],
    responses={200: {"content": {"text/plain": {}}, "description": "A signed note: C2SP tlog-checkpoint."}},
)
def checkpoint(request: Request) -> Response:
    """The newest published checkpoint, with the cosignatures of witnesses that are there by now."""
    note = sealing.published(parts_of(request).ledger).cosigned
    return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.get("/v1/log/proof/inclusion/{position}")
def inclusion(request: Request, position: Position, query: Annotated[Size, Query()]) -> Response:
    """The proof that a tree holds the entry at a position."""
    return Json(proofs.inclusion(parts_of(request).ledger, position, query.size))


@router.get("/v1/log/proof/consistency")
def consistency(request: Request, query: Annotated[Sizes, Query()]) -> Response:
    """The proof that a tree begins with an older one."""
    return Json(proofs.consistency(parts_of(request).ledger, query.old, query.new))
