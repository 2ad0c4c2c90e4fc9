"""The log's keys: `ledger keys new | show | history | rotate | retire`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer

from ledger.cli import session
from ledger.services import keys as signing
from ledger.services import rotation
from ledger.services.key_history import KnownKey

keys = typer.Typer(help="The keys that sign the log's checkpoints.", no_args_is_help=True)


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
        _keep_a_copy(signing.key_file(settings))
    typer.echo(key.verifier.vkey)


@keys.command()
def show() -> None:
    """Print what others verify with (a C2SP vkey), the newest key first: the ones that sign now."""
    with session.settings() as settings:
        ring = signing.load(settings)
    if len(ring.signers) > 1:
        session.stderr.print("all of these sign, until `ledger keys retire`: give others the first")
    for key in ring.lost:
        session.stderr.print(f"lost, and still to be retired: {key.vkey}")
    for signer in reversed(ring.signers):
        typer.echo(signer.verifier.vkey)


@keys.command()
def history(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every key that has signed the log, and the records by which one followed another."""
    with session.ledger() as ledger:
        ring = signing.load(ledger.settings)
        known = rotation.key_history(ledger, ring)
    held = {signer.verifier for signer in ring.signers}
    rows = [_row(each, signs=each.key in held and each.retired is None) for each in known.keys]
    if json:
        unsigned = [{"position": each.position, "reason": each.reason} for each in known.unsigned]
        typer.echo(orjson.dumps({"keys": rows, "unsigned": unsigned}).decode())
        return
    for row in rows:
        since = "from the beginning" if row["since"] is None else f"recorded at position {row['since']}"
        until = "" if row["retired"] is None else f", retired at position {row['retired']}"
        both = row["overlap_until"] and row["signs"] and len(held) > 1
        overlap = f", both until {row['overlap_until']}" if both else ""
        typer.echo(f"{row['vkey']}  {since}{overlap}{until}{', signs' if row['signs'] else ''}")
    for each in known.unsigned:
        session.stderr.print(f"not believed: position {each.position}: {each.reason}")


@keys.command()
def rotate(
    overlap: Annotated[
        int, typer.Option(metavar="DAYS", help="For how many days both keys are meant to sign.", min=0, max=3650)
    ] = rotation.OVERLAP_DAYS,
    lost: Annotated[
        str | None,
        typer.Option(metavar="VKEY", help="The file of keys is gone for good: this is what the log was signed with."),
    ] = None,
) -> None:
    """Make another key, which signs beside the one so far; record that in the log; print the new vkey.

    Both sign until `ledger keys retire`. What was interrupted is finished by the same command.
    """
    with session.ledger() as ledger:
        before = signing.trusted([lost])[0] if lost else None
        changed = rotation.rotate(ledger, overlap, before)
        _keep_a_copy(signing.key_file(ledger.settings))
    session.stderr.print(f"recorded at position {changed.position}: give the new key to everyone who verifies this log")
    typer.echo(changed.key.vkey)


@keys.command()
def retire(
    vkey: Annotated[str | None, typer.Argument(help="The key that signs no more. Default: the older of two.")] = None,
    early: Annotated[bool, typer.Option("--early", help="Before the day until which both were meant to sign.")] = False,
) -> None:
    """End the time in which two keys sign: record that one signs no more, and take it out of the file of keys."""
    with session.ledger() as ledger:
        key = signing.trusted([vkey])[0] if vkey else None
        changed = rotation.retire(ledger, key, early=early)
    session.stderr.print(f"recorded at position {changed.position}; destroy the copies of the old file of keys")
    typer.echo(changed.key.vkey)


def _row(known: KnownKey, *, signs: bool) -> dict[str, Any]:
    return {
        "vkey": known.key.vkey,
        "since": known.since,
        "overlap_until": known.overlap_until.isoformat() if known.overlap_until else None,
        "retired": known.retired,
        "signs": signs,
    }


def _keep_a_copy(file: object) -> None:
    session.stderr.print(f"the private key is in {file}: keep a copy where nobody else reads it")
