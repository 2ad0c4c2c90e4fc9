"""Read models: `ledger projections list | rebuild | diff | switch | rollback`."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from ledger.cli import session
from ledger.services import read_models
from ledger.services.ledger import Ledger

projections = typer.Typer(help="Read models: what follows from the log, kept in tables.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The read model's name; `ledger projections list` shows them.")]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(projections, name="projections")


@projections.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Every build of every read model, where it stands, and which one reports read."""
    with session.ledger() as ledger:
        rows = read_models.listing(ledger)
    if json:
        typer.echo(orjson.dumps(rows).decode())
        return
    form = "{:<18} {:>5} {:>7}  {:<9} {:>12} {:>8} {:>7}"
    typer.echo(form.format("read model", "build", "version", "status", "position", "behind", "parked"))
    for row in rows:
        typer.echo(
            form.format(
                row["projection"],
                row["build"],
                row["version"],
                row["status"],
                row["position"],
                row["behind"],
                row["parked"],
            )
        )


@projections.command()
def rebuild(
    name: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build, compare, and drop what was built.")] = False,
) -> None:
    """Fill a new build from the log beside the one in use, and compare the two. `switch` puts it to use.

    An interrupted rebuild goes on where it stopped.
    """
    with session.ledger() as ledger:
        with session.progress(f"Rebuilding {name}") as advance:
            build = read_models.rebuild(ledger, name, advance)
        typer.echo(f"build {build.build} of {name} holds all that follows from {build.position:,} records")
        _show_difference(ledger, name)
        if dry_run:
            read_models.discard(ledger, build)
            typer.echo(f"dry run: build {build.build} is dropped")
        else:
            typer.echo(f"reports still read the build before; put this one to use by: ledger projections switch {name}")


@projections.command()
def diff(name: Name) -> None:
    """How the newest build differs from the one in use: counts and examples (exit code 1 when they differ)."""
    with session.ledger() as ledger:
        if _show_difference(ledger, name):
            raise typer.Exit(session.Exit.PARTLY)


@projections.command()
def switch(name: Name) -> None:
    """Put the newest build to use, in one transaction; the one before is kept for `rollback`."""
    with session.ledger() as ledger:
        build = read_models.switch(ledger, name)
    typer.echo(f"reports read build {build.build} of {name}")


@projections.command()
def rollback(name: Name) -> None:
    """Put the build before the one in use back to use, in one transaction."""
    with session.ledger() as ledger:
        build = read_models.rollback(ledger, name)
    typer.echo(f"reports read build {build.build} of {name}")


def _show_difference(ledger: Ledger, name: str) -> bool:
    differences = read_models.diff(ledger, name)
    for difference in differences:
        typer.echo(
            f"{difference.table}: {difference.only_in_old:,} rows only in the build in use, "
            f"{difference.only_in_new:,} only in the new one, such as"
        )
        for example in difference.examples:
            typer.echo(f"  {example}")
    if not differences:
        typer.echo("no row differs from the build in use")
    return bool(differences)
