"""Files in and out: `ledger import`, `ledger export`, `ledger restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from ledger.cli import session
from ledger.errors import LedgerError
from ledger.services import export as exports
from ledger.services.commands import Outcome
from ledger.services.exported_texts import ALL
from ledger.store.entry_texts import CLASSIFICATIONS

imports = typer.Typer(help="Take files in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(imports, name="import")
    app.command()(export)
    app.command()(restore)


@imports.command()
def commands(
    file: Annotated[Path, typer.Argument(help="Command lines, one JSON object a line.", exists=True, dir_okay=False)],
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="The lines carry recorded_at, from an older system. Only before the first live event of a ledger.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Record the commands of a file. The same file again records nothing twice, so an interrupted import is just run
    again. Lines that are refused are reported with their number and reason; the others are recorded (exit code 1).
    """
    with session.ledger() as ledger, session.progress(f"Importing {file.name}", in_bytes=not history) as advance:

        def report(number: int, outcome: Outcome) -> None:
            if isinstance(outcome, LedgerError):
                session.stderr.print(f"line {number}: {outcome}")
            elif outcome.warnings:
                session.stderr.print(
                    f"line {number}: {outcome.stream}: recorded, and flagged {', '.join(outcome.warnings)}"
                )

        take = ledger.importer.history if history else ledger.importer.commands
        summary = take(file, report, advance)
    if json:
        typer.echo(orjson.dumps({name: getattr(summary, name) for name in summary.__struct_fields__}).decode())
    else:
        typer.echo(
            f"{summary.lines:,} lines: {summary.recorded:,} recorded, {summary.replayed:,} recorded before, "
            f"{summary.refused:,} refused, {summary.warnings:,} flagged"
        )
    if summary.refused:
        raise typer.Exit(session.Exit.PARTLY)


def export(
    file: Annotated[Path, typer.Argument(help="The file to write; it appears when it is complete.", dir_okay=False)],
    highest_class: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help=f"Write the texts of tasks up to this class: {', '.join(CLASSIFICATIONS)}. Entries are all written.",
        ),
    ] = ALL,
) -> None:
    """Write the event stream: one line an entry, its exact bytes with position, leaf hash and texts."""
    with session.ledger() as ledger, session.progress(f"Exporting to {file.name}") as advance:
        entries = exports.export(ledger.log, file, advance, highest_class)
        root = ledger.tiles.root(entries).hex()
    typer.echo(f"{entries:,} entries, root {root}, written to {file}")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `ledger export` wrote.", exists=True, dir_okay=False)],
) -> None:
    """Put an export back into an empty ledger: same positions, same leaf hashes. If interrupted, run it again."""
    with session.ledger() as ledger, session.progress(f"Restoring {file.name}") as advance:
        entries = exports.restore(ledger, file, advance)
        root = ledger.tiles.root(entries).hex()
    typer.echo(f"{entries:,} entries, root {root}, restored from {file}")
