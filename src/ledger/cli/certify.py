"""Certified reports, for whoever received one: `ledger certify verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer
from msgspec import to_builtins

from ledger.cli import session, trust
from ledger.reports.writers.table import write_table
from ledger.services.certificates import verifying
from ledger.services.certificates.verifying import Verified

certify = typer.Typer(help="Certified reports (made by `ledger report … --certify`).", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(certify, name="certify")


@certify.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The certificate.", exists=True, dir_okay=False)],
    vkey: trust.Vkeys = None,
    witness_vkey: trust.WitnessVkeys = None,
    witnesses: trust.Wanted = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the report again from the entries in the certificate, and compare the bytes; verify every proof.

    Needs no database, no server and no network. Without --vkey the key of this machine's ledger counts. Prints the
    report as it was made from the entries; names what is wrong otherwise: exit code 1. The records of
    keys in the certificate are followed, so that one key of the log is enough.
    """
    with session.settings() as settings, session.progress(f"Verifying {file.name}") as advance:
        trusted, quorum = trust.keys(settings, vkey), trust.quorum(witness_vkey, witnesses)
        verified = verifying.verify(file, trusted, advance, quorum)
    if json:
        typer.echo(orjson.dumps(_facts(verified)).decode())
        return
    session.write_out(write_table(verified.document, settings.language, session.stdout.width), None)
    typer.echo(_sound(verified))
    for line in trust.lines(verified.keys, verified.witnesses, verified.unsigned):
        typer.echo(line)


def _facts(verified: Verified) -> dict[str, object]:
    said, signed = verified.statement, verified.checkpoint
    return {
        "sound": True,
        "kind": said.kind,
        "report": said.report,
        "on": said.on,
        "as_of": said.as_of,
        "position": said.position,
        "root": said.root,
        "entries": verified.entries,
        "origin": signed.origin,
        "size": signed.size,
        "keys": to_builtins(verified.keys),
        "witnesses": to_builtins(verified.witnesses),
    }


def _sound(verified: Verified) -> str:
    said, signed = verified.statement, verified.checkpoint
    rests_on = (
        f"all {verified.entries:,} records of {signed.origin} up to then"
        if said.kind == "complete"
        else f"{verified.entries:,} records of {signed.origin}, each proven to be in the log; an excerpt cannot show "
        "that none was left out"
    )
    return (
        f"sound: these figures follow, to the byte, from {rests_on}; the signed checkpoint has {signed.size:,} entries"
    )
