"""The log as others can check it: `ledger log checkpoint | prove | consistency | check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from ledger.cli import session, trust
from ledger.errors import BadFile
from ledger.merkle import proof_files
from ledger.merkle.hashing import leaf_hash
from ledger.services import proofs, sealing
from ledger.services.cosigning import together
from ledger.services.vouching import Witnesses

log = typer.Typer(help="The log as others can check it: checkpoints and proofs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.add_typer(log, name="log")


@log.command()
def checkpoint() -> None:
    """Sign a checkpoint over all that is recorded, have it cosigned, and print it (C2SP tlog-checkpoint).

    Without a key: the last one. Refuses when the log is not what was signed before: ROLLBACK, FORK (exit code 1). What
    is the matter with a witness is said on standard error.
    """
    with session.ledger() as ledger:
        sealed, failures = together.cosigned(ledger, sealing.current(ledger))
    session.warn(failures)
    session.write_out(sealed.cosigned, None)


@log.command()
def prove(
    position: Annotated[int, typer.Argument(help="The position of the record.", min=0)],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Write to this file, such as 17.tlog-proof.")
    ] = None,
) -> None:
    """Print a proof that the log holds the record at a position (C2SP tlog-proof), with the entry in it.

    It is of the newest checkpoint, signed now where there is a key, and cosigned by the witnesses that answer. Whoever
    has the log's key needs nothing else.
    """
    with session.ledger() as ledger:
        sealed, failures = together.cosigned(ledger, sealing.current(ledger))
        proof = proofs.inclusion_file(ledger, position, sealed)
    session.warn(failures)
    session.write_out(bytes(proof), output)


@log.command()
def consistency(
    old: Annotated[int, typer.Argument(help="The size of the older tree.")],
    new: Annotated[int, typer.Argument(help="The size of the newer one.")],
) -> None:
    """Print a proof that the first NEW entries begin with the first OLD, as JSON: the bytes of the API's answer."""
    with session.ledger() as ledger:
        proof = proofs.consistency(ledger, old, new)
    session.write_out(orjson.dumps(proof, option=orjson.OPT_APPEND_NEWLINE), None)


@log.command()
def check(
    file: Annotated[Path, typer.Argument(help="A file that `ledger log prove` wrote.", exists=True, dir_okay=False)],
    vkey: trust.Vkeys = None,
    witness_vkey: trust.WitnessVkeys = None,
    witnesses: trust.Wanted = None,
) -> None:
    """Verify a proof, and print the entry that it is about; needs no database and no server.

    Exit code 1: it is false.
    """
    with session.settings() as settings:
        trusted, quorum = trust.keys(settings, vkey), trust.quorum(witness_vkey, witnesses)
        try:
            proof = proof_files.parse(file.read_bytes())
        except ValueError as error:
            raise BadFile(str(file), None, str(error)) from error
        if proof.extra is None:
            raise BadFile(str(file), None, "it does not carry the entry that it is about")
        try:
            signed = proof_files.verify(proof, leaf_hash(proof.extra), trusted)
            standing = Witnesses(quorum)
            standing.read(proof.note)
        except ValueError as error:
            session.stderr.print(f"ledger: {file}: {error}")
            raise typer.Exit(session.Exit.PARTLY) from error
        lacking = standing.lacking(signed.size)
        if lacking is not None:
            session.stderr.print(f"ledger: {file}: {lacking}")
            raise typer.Exit(session.Exit.PARTLY)
    session.stderr.print(f"position {proof.position} of the {signed.size:,} entries of {signed.origin} is:")
    session.write_out(proof.extra + b"\n", None)
