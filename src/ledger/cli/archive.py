"""The log as files that need no server: `ledger archive export | verify | restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli import session
from ledger.merkle.note_keys import VerifierKey
from ledger.services import keys, sealing
from ledger.services.archive import export as exports
from ledger.services.archive import restoring, verification
from ledger.services.archive.verification import Verified
from ledger.settings import Settings
from ledger.store.texts import CLASSIFICATIONS

archive = typer.Typer(help="The log as a folder of files (C2SP tlog-tiles) that needs no server.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The archive's folder.", exists=True, file_okay=False)]
Vkeys = Annotated[
    list[str] | None,
    typer.Option(
        "--vkey", help="A key that the log signs with, as `ledger keys show` prints it; several may be given."
    ),
]


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
    """Sign a checkpoint over all that is recorded, and write what the archive lacks. Texts that were erased since the
    last export are taken out of it.

    An interrupted export is run again.
    """
    with session.ledger() as ledger, session.progress(f"Exporting to {folder.name}") as advance:
        sealed = sealing.current(ledger)
        exported = exports.export(ledger, folder, sealed, highest_class, advance)
    typer.echo(
        f"{exported.size:,} entries, root {sealed.checkpoint.root.hex()}, in {folder}: "
        f"{exported.entries:,} of them new, {exported.files:,} files written"
    )


@archive.command()
def verify(folder: Folder, vkey: Vkeys = None) -> None:
    """Rebuild every tile and root from the entries, and verify every signature; needs no database and no server.

    Without --vkey the key of this machine's ledger counts. Names the first file or position that is wrong: exit code 1.
    """
    with session.settings() as settings, session.progress(f"Verifying {folder.name}") as advance:
        verified = verification.verify(folder, _trusted(settings, vkey), advance)
    typer.echo(_sound(verified, signed=True))


@archive.command()
def restore(
    folder: Folder,
    vkey: Vkeys = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Verify no signatures, when the log's key is not at hand.")
    ] = False,
) -> None:
    """Verify the archive, and put it back into an empty ledger: same positions, same leaf hashes, same checkpoints.

    An interrupted restore is run again.
    """
    with session.ledger() as ledger, session.progress(f"Restoring {folder.name}") as advance:
        trusted = None if unsigned else _trusted(ledger.settings, vkey)
        verified = restoring.restore(ledger, folder, trusted, advance)
    typer.echo(f"restored: {_sound(verified, signed=not unsigned)}")


def _trusted(settings: Settings, vkey: list[str] | None) -> list[VerifierKey]:
    return keys.trusted(vkey) if vkey else [keys.load(settings).verifier]


def _sound(verified: Verified, *, signed: bool) -> str:
    newest = verified.newest
    texts = f"{verified.texts:,} texts up to {verified.highest}; " if verified.highest else ""
    return (
        f"{newest.size:,} entries of {newest.origin}, root {newest.root.hex()}; {verified.past:,} checkpoints before; "
        + texts
        + ("every signature verified" if signed else "NO signature was verified")
    )
