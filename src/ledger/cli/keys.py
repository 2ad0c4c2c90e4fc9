"""The log's key: `ledger keys new | show`."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli import session
from ledger.services import keys as signing

keys = typer.Typer(help="The key that signs the log's checkpoints.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(keys, name="keys")


@keys.command()
def new(
    origin: Annotated[
        str | None,
        typer.Option(
            help="The log's name for ever, such as example.org/ledger. Default: LEDGER_ORIGIN, or one made up."
        ),
    ] = None,
) -> None:
    """Make the key, and print what others verify with (a C2SP vkey): give it to them by a way that they trust."""
    with session.settings() as settings:
        key = signing.create(settings, origin)
        session.stderr.print(
            f"the private key is in {signing.key_file(settings)}: keep a copy where nobody else reads it"
        )
    typer.echo(key.verifier.vkey)


@keys.command()
def show() -> None:
    """Print what others verify with (a C2SP vkey)."""
    with session.settings() as settings:
        key = signing.load(settings)
    typer.echo(key.verifier.vkey)
