"""The FastAPI application, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI

from ledger.api import commands, events, health, log, metrics, openapi, problems, reports, schemas, tasks
from ledger.api.parameters import each_once
from ledger.api.parts import Parts
from ledger.services.ledger import Ledger


def create_app(ledger: Ledger) -> FastAPI:
    """The API of an opened ledger. While it is served (its lifespan), a thread keeps the read models in step.

    The caller closes the ledger, after that.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts = Parts.of(ledger)
        app.state.parts = parts
        parts.following.start()
        try:
            yield
        finally:
            await run_sync(parts.following.stop)
            await parts.committer.close()

    app = FastAPI(
        title="Progress Ledger",
        version=metadata.version("progress-ledger"),
        lifespan=lifespan,
        dependencies=[Depends(each_once)],
        responses=openapi.ERRORS,
        redirect_slashes=False,
        docs_url=None,  # the built-in pages load their scripts from a CDN
        redoc_url=None,
    )
    app.state.requests = metrics.RequestFigures()
    app.add_middleware(metrics.Requests, seconds=app.state.requests.seconds)
    problems.install(app)
    openapi.install(app)
    for module in (commands, tasks, reports, events, schemas, log, health, metrics):
        app.include_router(module.router)
    return app
