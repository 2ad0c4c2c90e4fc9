"""Read models: `ledger projections list | rebuild | diff | switch | rollback | parked | retry`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
import typer
from msgspec import to_builtins

from ledger.cli import session
from ledger.projections.builds import Parked
from ledger.projections.rebuild import Difference
from ledger.services import read_models

projections = typer.Typer(help="Read models: what follows from the log, kept in tables.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The read model's name; `ledger projections list` shows them.")]
Names = Annotated[list[str], typer.Argument(help="The names of read models; `ledger projections list` shows them.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(projections, name="projections")


@projections.command("list")
def list_(json: Json = False) -> None:
    """Every build of every read model, where it stands, how far behind the log, and which one reports read."""
    with session.ledger() as ledger:
        rows = [
            {
                "projection": each.build.projection,
                "build": each.build.build,
                "version": each.build.version,
                "status": each.build.status if each.build.fill is None else "filling",
                "position": each.build.position,
                "behind": each.behind,
                "lag_seconds": round(read_models.lag_seconds(ledger, each), 3),
                "parked": each.parked,
            }
            for each in read_models.standings(ledger)
        ]
    if json:
        _print_json(rows)
        return
    form = "{:<18} {:>5} {:>7}  {:<9} {:>12} {:>8} {:>9} {:>7}"
    typer.echo(form.format("read model", "build", "version", "status", "position", "behind", "lag", "parked"))
    for row in rows:
        lag = f"{row.pop('lag_seconds'):,.1f} s"
        parked = row.pop("parked")
        typer.echo(form.format(*row.values(), lag, parked))


@projections.command()
def rebuild(
    names: Annotated[list[str] | None, typer.Argument(help="The read models; without a name, all of them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build, compare, and drop what was built.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Worker processes; by default one a core when there is much to do."),
    ] = None,
) -> None:
    """Fill new builds from the log beside the ones in use, and compare them. `switch` puts them to use.

    Several read models are filled by one pass over the log. An interrupted rebuild goes on where it stopped.
    """
    with session.ledger() as ledger:
        with session.progress(f"Rebuilding {', '.join(names) if names else 'all read models'}") as advance:
            built = read_models.rebuild(ledger, names or [], advance, workers)
        try:
            for build in built:
                name = build.projection
                typer.echo(f"build {build.build} of {name} holds all that follows from {build.position:,} records")
                _show(read_models.diff(ledger, name))
        finally:
            if dry_run:
                for build in built:
                    read_models.discard(ledger, build)
                    typer.echo(f"dry run: build {build.build} of {build.projection} is dropped")
        if not dry_run:
            command = f"ledger projections switch {' '.join(build.projection for build in built)}"
            typer.echo(f"reports still read the builds before; put the new ones to use by: {command}")


@projections.command()
def diff(name: Name, json: Json = False) -> None:
    """How the newest build differs from the one in use: counts and examples (exit code 1 when they differ)."""
    with session.ledger() as ledger:
        differences = read_models.diff(ledger, name)
    if json:
        _print_json([to_builtins(each) for each in differences])
    else:
        _show(differences)
    if differences:
        raise typer.Exit(session.Exit.PARTLY)


@projections.command()
def switch(names: Names) -> None:
    """Put the newest builds to use, in one transaction; the ones before are kept for `rollback`."""
    with session.ledger() as ledger:
        for build in read_models.switch(ledger, names):
            typer.echo(f"reports read build {build.build} of {build.projection}")


@projections.command()
def rollback(names: Names) -> None:
    """Put the builds before the ones in use back to use, in one transaction."""
    with session.ledger() as ledger:
        for build in read_models.rollback(ledger, names):
            typer.echo(f"reports read build {build.build} of {build.projection}")


@projections.command()
def parked(json: Json = False) -> None:
    """The streams on whose events a read model failed: where, and why. The others go on without them."""
    with session.ledger() as ledger:
        found = read_models.parked(ledger)
    if json:
        _print_json([_parked_json(each) for each in found])
        return
    for each in found:
        typer.echo(_parked_line(each))
    if not found:
        typer.echo("nothing is parked")


@projections.command()
def retry(
    name: Annotated[str | None, typer.Argument(help="A read model; by default all of them.")] = None,
    stream: Annotated[str | None, typer.Option(help="One stream only, such as task/E4; by default all.")] = None,
    json: Json = False,
) -> None:
    """Work the rows of parked streams out anew; what succeeds is parked no more (exit code 1 when some still are)."""
    with session.ledger() as ledger:
        mended, failed = read_models.retry(ledger, name, stream)
    if json:
        _print_json({"mended": [_parked_json(each) for each in mended], "parked": [_parked_json(e) for e in failed]})
    else:
        for each in mended:
            typer.echo(f"{each.projection} build {each.build}: {each.stream} is whole again")
        for each in failed:
            typer.echo(_parked_line(each))
        if not mended and not failed:
            typer.echo("nothing is parked")
    if failed:
        raise typer.Exit(session.Exit.PARTLY)


def _parked_json(each: Parked) -> dict[str, Any]:
    return {
        "projection": each.projection,
        "build": each.build,
        "stream": each.stream,
        "position": each.position,
        "error": each.error,
    }


def _parked_line(each: Parked) -> str:
    return f"{each.projection} build {each.build}: {each.stream} is parked at position {each.position}: {each.error}"


def _print_json(value: object) -> None:
    typer.echo(orjson.dumps(value).decode())


def _show(differences: Sequence[Difference]) -> None:
    for each in differences:
        if each.columns_only_in_old:
            typer.echo(f"{each.table}: only the build in use has the columns {', '.join(each.columns_only_in_old)}")
        if each.columns_only_in_new:
            typer.echo(f"{each.table}: only the new build has the columns {', '.join(each.columns_only_in_new)}")
        if each.only_in_old or each.only_in_new:
            counts = f"{each.only_in_old:,} rows only in the build in use, {each.only_in_new:,} only in the new one"
            typer.echo(f"{each.table}: {counts}" + (", such as" if each.examples else ""))
        for example in each.examples:
            typer.echo(f"  {example}")
    if not differences:
        typer.echo("no row differs from the build in use")
