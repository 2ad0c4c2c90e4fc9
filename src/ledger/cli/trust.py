"""Whom a verifier believes: options that the commands which verify have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ledger.errors import BadQuery, NoKey
from ledger.merkle.note_keys import VerifierKey
from ledger.services import keys as signing
from ledger.services.key_history import Unsigned
from ledger.services.vouching import NOBODY, Quorum, Vouched, Witnessed
from ledger.settings import Settings

Vkeys = Annotated[
    list[str] | None,
    typer.Option(
        "--vkey",
        help="A key that the log signs with, as `ledger keys show` prints it; several may be given. Default: those of "
        "this machine.",
    ),
]
WitnessVkeys = Annotated[
    list[str] | None,
    typer.Option(
        "--witness-vkey", help="A witness that is believed, as `ledger witness show` prints it; several may be given."
    ),
]
Wanted = Annotated[
    int | None,
    typer.Option("--witnesses", help="How many of these must stand for the log. Default: all that are given.", min=0),
]


def keys(settings: Settings, vkeys: Sequence[str] | None) -> list[VerifierKey]:
    """The log's keys that were given, or else those of this machine. Raises `NoKey` or `SettingsError`."""
    if vkeys:
        return signing.trusted(vkeys)
    ring = signing.load_if_any(settings)
    if ring is None:
        raise NoKey(
            "there is no key here to verify signatures with: give the log's by --vkey, the line that its operator "
            "publishes (ledger keys show prints it there)"
        )
    return list(ring.verifiers)


def quorum(vkeys: Sequence[str] | None, wanted: int | None) -> Quorum:
    """The witnesses that were given, and how many of them are wanted. Raises `SettingsError` or `BadQuery`."""
    given = tuple(dict.fromkeys(signing.trusted_witnesses(vkeys or ())))
    if wanted is not None and wanted > len(given):
        raise BadQuery("--witnesses", f"{wanted} are wanted, and {len(given)} given by --witness-vkey")
    return Quorum(given, len(given) if wanted is None else wanted) if given else NOBODY


def lines(
    vouched: Sequence[Vouched], witnessed: Sequence[Witnessed] = (), unsigned: Sequence[Unsigned] = ()
) -> list[str]:
    """Which key stands for which checkpoints, how far each witness does, and what was not believed, a line each."""
    found = []
    for key in vouched:
        whence = "given" if key.given else "vouched for by a key that was given, through the records in the log"
        since = "" if key.since is None else f", recorded at position {key.since}"
        until = "" if key.retired is None else f", retired at position {key.retired}"
        found.append(f"key {key.vkey} ({whence}{since}{until}): {_signed(key)}")
    found += [f"witness {each.vkey}: cosigned {each.size:,} entries at {each.time}" for each in witnessed]
    found += [f"not believed: position {each.position}: {each.reason}" for each in unsigned]
    return found


def _signed(key: Vouched) -> str:
    if not key.checkpoints:
        return "signed no checkpoint"
    if key.checkpoints == 1:
        return f"signed one checkpoint, over {key.last:,} entries"
    return f"signed {key.checkpoints:,} checkpoints over {key.first:,} to {key.last:,} entries"
