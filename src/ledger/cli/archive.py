"""The log as files that need no server: `ledger archive export | verify | restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli import session, trust
from ledger.services import sealing
from ledger.services.archive import export as exports
from ledger.services.archive import restoring, verification
from ledger.services.archive.verification import Verified
from ledger.services.cosigning import together
from ledger.store.entry_texts import CLASSIFICATIONS

archive = typer.Typer(help="The log as a folder of files (C2SP tlog-tiles) that needs no server.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The archive's folder.", exists=True, file_okay=False)]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(archive, name="archive")


@archive.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to bring up to date.", file_okay=False)],
    highest_class: Annotated[
        str,
        typer.Option(
            metavar="CLASS",
            help=f"Write the texts of tasks up to this class: {', '.join(CLASSIFICATIONS)}. Entries are all written.",
        ),
    ] = exports.DEFAULT_CLASS,
) -> None:
    """Sign a checkpoint over all that is recorded, have it cosigned, and write what the archive lacks.

    Texts that were erased since the last export are taken out of it.

    An interrupted export is run again.
    """
    with session.ledger() as ledger, session.progress(f"Exporting to {folder.name}") as advance:
        sealed, failures = together.cosigned(ledger, sealing.current(ledger))
        exported = exports.export(ledger, folder, sealed, highest_class, advance)
    session.warn(failures)
    typer.echo(
        f"{exported.size:,} entries, root {sealed.checkpoint.root.hex()}, in {folder}: "
        f"{exported.entries:,} of them new, {exported.files:,} files written"
    )


@archive.command()
def verify(
    folder: Folder,
    vkey: trust.Vkeys = None,
    witness_vkey: trust.WitnessVkeys = None,
    witnesses: trust.Wanted = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Worker processes; by default one a core when there is much to read."),
    ] = None,
) -> None:
    """Rebuild every tile and root from the entries, and verify every signature; needs no database and no server.

    Names the first file or position that is wrong: exit code 1. Says which key stands for which checkpoints: one of the
    log's keys is enough, as its records say which follows which.
    """
    with session.settings() as settings, session.progress(f"Verifying {folder.name}") as advance:
        trusted, quorum = trust.keys(settings, vkey), trust.quorum(witness_vkey, witnesses)
        verified = verification.verify(folder, trusted, advance, quorum, workers)
    typer.echo(_sound(verified, signed=True))
    for line in trust.lines(verified.keys, verified.witnesses, verified.unsigned):
        typer.echo(line)


@archive.command()
def restore(
    folder: Folder,
    vkey: trust.Vkeys = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Verify no signatures, when the log's key is not at hand.")
    ] = False,
) -> None:
    """Verify the archive, and put it back into an empty ledger: same positions, same leaf hashes, same checkpoints.

    An interrupted restore is run again.
    """
    with session.ledger() as ledger, session.progress(f"Restoring {folder.name}") as advance:
        trusted = None if unsigned else trust.keys(ledger.settings, vkey)
        verified = restoring.restore(ledger, folder, trusted, advance)
    typer.echo(f"restored: {_sound(verified, signed=not unsigned)}")


def _sound(verified: Verified, *, signed: bool) -> str:
    newest = verified.newest
    texts = ""
    if verified.highest:
        texts = f"{verified.texts:,} texts up to {verified.highest}"
        texts += f", {verified.erased:,} erased, {verified.withheld:,} classified higher withheld; "
    return (
        f"{newest.size:,} entries of {newest.origin}, root {newest.root.hex()}; {verified.past:,} checkpoints before; "
        + texts
        + (f"days of {verified.locale.time_zone}, calendar {verified.locale.calendar}; " if verified.locale else "")
        + ("every signature verified" if signed else "NO signature was verified")
    )
