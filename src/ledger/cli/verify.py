"""`ledger verify`: whether the ledger is what was recorded and signed."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from msgspec import to_builtins

from ledger.cli import session, trust
from ledger.services import keys, verification
from ledger.services.verification import Verification


def register(app: typer.Typer) -> None:
    """The command of this module is part of the application."""
    app.command()(verify)


def verify(
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare every read model with a replay of the log as well.")
    ] = False,
    vkey: trust.Vkeys = None,
    witness_vkey: trust.WitnessVkeys = None,
    witnesses: trust.Wanted = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the log against itself, its texts, tiles and every checkpoint that was signed; recording goes on meanwhile.

    Names the first wrong position, and what is wrong there: exit code 1. docs/integrity.md explains the names.
    """
    with session.ledger() as ledger, session.progress("Verifying") as advance:
        trusted = keys.trusted(vkey) if vkey else None
        quorum = trust.quorum(witness_vkey, witnesses) if witness_vkey or witnesses else None

        def progress(_what: str, done: int, total: int) -> None:
            advance(done, total)

        found = verification.verify(ledger, trusted, progress, deep=deep, quorum=quorum)
    if json:
        facts: dict[str, Any] = to_builtins(found)
        typer.echo(orjson.dumps(facts | {"sound": not found.findings}).decode())
    else:
        _say(found)
    if found.findings:
        raise typer.Exit(session.Exit.PARTLY)


def _say(found: Verification) -> None:
    for finding in found.findings:
        where = "" if finding.position is None else f" position {finding.position}:"
        typer.echo(f"{finding.name}:{where} {finding.what}")
    signed = f"{found.checkpoints:,} checkpoints" + ("" if found.signatures else " (NO key to verify signatures with)")
    if found.checkpoints:
        signed += f", the newest over {found.last_signed:,}"
    texts = f"; {found.texts:,} texts"
    if found.erased:
        texts += f", {found.erased:,} erased"
    if found.withheld_above:
        texts += f", {found.withheld:,} above {found.withheld_above} withheld when the ledger was restored"
    models = f"; {found.read_models} read models" if found.read_models else ""
    typer.echo(f"{'not sound' if found.findings else 'sound'}: {found.entries:,} records{texts}; {signed}{models}")
    for line in trust.lines(found.keys, found.witnesses):
        typer.echo(line)
