"""The commands, put together."""

from __future__ import annotations

import signal
import sys
from importlib import metadata
from typing import Annotated

import typer

from ledger.cli import (
    administration,
    archive,
    certify,
    demo,
    erase,
    files,
    keys,
    log,
    plans,
    projections,
    reading,
    schemas,
    serve,
    verify,
    witness,
)

app = typer.Typer(
    name="ledger",
    help="Who promised what by when, and what became of it: a progress ledger with an immutable history.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (
    demo,
    serve,
    files,
    plans,
    reading,
    projections,
    keys,
    log,
    archive,
    certify,
    verify,
    witness,
    schemas,
    erase,
    administration,
):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ledger {metadata.version('progress-ledger')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Settings come from LEDGER_… variables; docs/operations.md lists them."""


def main() -> None:
    """Run the command line. Exit codes: 0 done; 1 done in part, or a check failed; 2 bad input; 3 the database."""
    # A polite end: contexts are left in order, so that the embedded server is stopped by the last who uses it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    app()
