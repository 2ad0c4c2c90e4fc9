"""`ledger serve`: the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli import session
from ledger.services import sealing_thread
from ledger.services.cosigning.thread import asking_witnesses
from ledger.services.ledger import Ledger


def register(app: typer.Typer) -> None:
    """The command of this module is part of the application."""
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on. Default: LEDGER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on. Default: LEDGER_PORT.")] = None,
) -> None:
    """Serve the API until interrupted. Callers are not authenticated: keep it behind something that does."""
    with session.ledger() as ledger:
        run(ledger, host or ledger.settings.host, ledger.settings.port if port is None else port)


def run(ledger: Ledger, host: str, port: int) -> None:
    """The API answers on that address until interrupted; checkpoints are signed, and cosigned, if there is a key."""
    # Only here: the other commands need not wait for the web framework.
    import uvicorn  # noqa: PLC0415  # see above

    from ledger.api.app import create_app  # noqa: PLC0415  # see above

    with sealing_thread.sealing(ledger), asking_witnesses(ledger):
        uvicorn.run(create_app(ledger), host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
