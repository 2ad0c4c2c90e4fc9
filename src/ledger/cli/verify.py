"""`ledger verify`: whether the ledger is what was recorded and signed."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from msgspec import to_builtins

from ledger.cli import session
from ledger.services import keys, verification
from ledger.services.verification import Verification


def register(app: typer.Typer) -> None:
    """The command of this module is part of the application."""
    app.command()(verify)


def verify(
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare every read model with a replay of the log as well.")
    ] = False,
    vkey: Annotated[
        list[str] | None, typer.Option("--vkey", help="A key that the log signs with. Default: this machine's.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the log against itself, its texts, tiles and every checkpoint that was signed; recording goes on meanwhile.

    Names the first wrong position, and what is wrong there: exit code 1. docs/integrity.md explains the names.
    """
    with session.ledger() as ledger, session.progress("Verifying") as advance:
        trusted = keys.trusted(vkey) if vkey else None
        found = verification.verify(ledger, trusted, lambda _what, done, total: advance(done, total), deep=deep)
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
