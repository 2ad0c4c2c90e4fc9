"""`POST /v1/commands`: one command as a JSON object, or many as lines of JSON (see `bulk`)."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Depends
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.api import problems
from ledger.api.bulk import NDJSON, BulkAnswers
from ledger.api.json_response import Json
from ledger.api.parameters import none_at_all
from ledger.api.parts import Parts, parts_of
from ledger.errors import LedgerError, Refused
from ledger.services.answers import outcome_json
from ledger.services.command_line import MAX_LINE_BYTES, parse_line
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission

router = APIRouter(tags=["commands"])
JSON = "application/json"
_KEY = re.compile(r"[\x21\x23-\x7e]{1,200}")
_QUOTED = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]+)"')
_DESCRIBED: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "For a single command, the same as its `idempotency_key`.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/CommandLine"}},
            NDJSON: {"schema": {"type": "string", "description": "A command on each line."}},
        },
    },
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Lines were sent: an answer on each line, in order.", "content": {NDJSON: {}}},
    201: {"description": "The command is recorded.", "content": {JSON: {}}},
}


@router.post(
    "/v1/commands",
    status_code=201,
    responses=_ANSWERS,
    openapi_extra=_DESCRIBED,
    dependencies=[Depends(none_at_all)],
)
async def record(request: Request) -> Response:
    """Record one command, or many."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "send the body as it is, without Content-Encoding")
    key = _key(request)
    parts = parts_of(request)
    parts.admit()
    if media_type == NDJSON:
        if key is not None:
            raise HTTPException(400, "the header Idempotency-Key is for single commands: give each line its own key")
        return BulkAnswers(parts, request.stream())
    if media_type != JSON:
        raise HTTPException(415, f"send {JSON} for one command, {NDJSON} for a command on each line")
    body = await _body(request)
    outcome = await _recorded(parts, body, key)
    if isinstance(outcome, LedgerError):
        return problems.problem_of(outcome)
    return Json(outcome_json(outcome), 201, {"Idempotency-Replayed": "true"} if outcome.replayed else None)


async def _recorded(parts: Parts, body: bytes, key: str | None) -> Outcome:
    """What became of the command in the body. Raises `Busy` or `DatabaseUnavailable`."""
    try:
        line, command = parse_line(body)
    except Refused as error:
        return error
    if key is not None:
        if line.idempotency_key not in (None, key):
            return Refused("two_keys", "idempotency_key", "the header Idempotency-Key says another key")
        line = replace(line, idempotency_key=key)
    return await parts.commands.handled(Submission(line, command), parts.committer, parts.deciders)


def _key(request: Request) -> str | None:
    """What the header Idempotency-Key says, bare or as a quoted string (draft-ietf-httpapi-idempotency-key-header)."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    quoted = _QUOTED.fullmatch(given[0])
    key = quoted[1] if quoted else given[0]
    if len(given) > 1 or not (quoted or _KEY.fullmatch(key)) or len(key) > 200:
        raise HTTPException(400, "Idempotency-Key is one key of 1 to 200 ASCII characters, bare or in quotation marks")
    return key


async def _body(request: Request) -> bytes:
    """The body, unless it is longer than a command may be: then the answer is 413, and the rest is not read."""
    length = request.headers.get("content-length", "")
    body = bytearray()
    if not (length.isdecimal() and int(length) > MAX_LINE_BYTES):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_LINE_BYTES:
                break
        else:
            return bytes(body)
    raise HTTPException(413, f"a command takes at most {MAX_LINE_BYTES:,} bytes")
