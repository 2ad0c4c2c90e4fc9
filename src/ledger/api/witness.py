"""The HTTP interface of a witness: C2SP tlog-witness (https://c2sp.org/tlog-witness). An application of its own."""

from __future__ import annotations

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from ledger.merkle.add_checkpoint import MAX_BYTES, SIZE_MEDIA_TYPE
from ledger.services.witness.deciding import (
    Answer,
    Cosigned,
    Elsewhere,
    Malformed,
    NotProven,
    NotSigned,
    UnknownLog,
    Witness,
)


def create_witness_app(witness: Witness) -> FastAPI:
    """`POST /add-checkpoint` answered by that witness; by 500 when it cannot keep what it would cosign."""
    app = FastAPI(title="Progress Ledger witness", openapi_url=None, redirect_slashes=False)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        content = b""
        try:
            async for part in request.stream():
                content += part
                if len(content) > MAX_BYTES:
                    return PlainTextResponse(f"a request has at most {MAX_BYTES} bytes\n", 400)
        except ClientDisconnect:
            return PlainTextResponse("the request ended early\n", 400)
        return _response(await run_sync(witness.add_checkpoint, content))

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})

    return app


def _response(answer: Answer) -> Response:
    match answer:
        case Cosigned(line=line):
            return PlainTextResponse(line)
        case Elsewhere(size=size):
            # Set as a header: the framework would put a charset behind the media type.
            return Response(f"{size}\n", 409, {"Content-Type": SIZE_MEDIA_TYPE})
        case Malformed(reason=reason):
            return PlainTextResponse(f"{reason}\n", 400)
        case UnknownLog(reason=reason):
            return PlainTextResponse(f"{reason}\n", 404)
        case NotSigned(reason=reason):
            return PlainTextResponse(f"{reason}\n", 403)
        case NotProven(reason=reason):
            return PlainTextResponse(f"{reason}\n", 422)
