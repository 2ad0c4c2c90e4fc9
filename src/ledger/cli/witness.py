"""A witness of other people's logs: `ledger witness new | show | serve`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli import session
from ledger.services.witness.deciding import witness as opened
from ledger.services.witness.folder import WitnessFolder

witness = typer.Typer(
    help="Watch the logs of others, and cosign what continues them; needs no ledger and no database.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder.", file_okay=False)]
PORT = 8100


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(witness, name="witness")


@witness.command()
def new(
    folder: Folder,
    name: Annotated[str, typer.Option(help="The witness's name for ever, such as witness.example.org/w1.")],
    log: Annotated[
        list[str] | None,
        typer.Option(metavar="VKEY", help="The vkey of a log to accept; several may be given, here or in DIR/logs."),
    ] = None,
) -> None:
    """Make a witness, and print its vkey: give it to the logs, and to all who verify them, by a way that they trust."""
    with session.errors_in_words():
        signer = WitnessFolder(folder).create(name, log or [])
        session.stderr.print(f"the private key is in {folder}: keep a copy where nobody else reads it")
    typer.echo(signer.verifier.vkey)


@witness.command()
def show(folder: Folder) -> None:
    """Print the witness's vkey, and how far it has cosigned each log that it accepts."""
    with session.errors_in_words():
        held = WitnessFolder(folder)
        typer.echo(held.signer().verifier.vkey)
        for origin, keys in held.logs().items():
            newest = held.newest(origin)
            so_far = f"{newest.size:,} entries, root {newest.root.hex()}" if newest else "nothing yet"
            session.stderr.print(f"{origin} ({len(keys)} keys): cosigned {so_far}")


@witness.command()
def serve(
    folder: Folder,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = PORT,
) -> None:
    """Answer the logs that are accepted until interrupted (C2SP tlog-witness). Changes of DIR/logs need a restart."""
    # Only here: the other commands need not wait for the web framework.
    import uvicorn  # noqa: PLC0415  # see above

    from ledger.api.witness import create_witness_app  # noqa: PLC0415  # see above

    with session.errors_in_words(), opened(folder, lambda: int(time.time())) as answering:
        app = create_witness_app(answering)
        uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
