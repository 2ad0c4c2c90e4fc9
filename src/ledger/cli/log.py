"""The log as others can check it: `ledger log checkpoint`."""

from __future__ import annotations

import typer

from ledger.cli import session
from ledger.services import sealing

log = typer.Typer(help="The log as others can check it: checkpoints and proofs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(log, name="log")


@log.command()
def checkpoint() -> None:
    """Sign a checkpoint over all that is recorded, and print it (C2SP tlog-checkpoint). Without a key: the last one.

    Refuses when the log is not what was signed before: ROLLBACK, FORK (exit code 1).
    """
    with session.ledger() as ledger:
        sealed = sealing.current(ledger)
    session.write_out(sealed.note, None)
