"""All the witnesses of a ledger, asked about one checkpoint at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from ledger.domain.times import utc_text
from ledger.errors import LedgerError, NotFound
from ledger.merkle import cosignatures
from ledger.services import sealing
from ledger.services.cosigning.asking import Asking, client
from ledger.services.cosigning.configured import configured
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed
from ledger.store.checkpoints import CheckpointStore


class Standing(Struct, frozen=True):
    """How far a witness stands for the log, by the newest cosignature of its that is kept."""

    name: str
    size: int
    """Over how many entries; 0 when it has cosigned nothing yet."""
    time: str | None
    """When, by its own clock."""
    behind: int
    """How many entries the newest checkpoint has more."""


def cosigned(ledger: Ledger, sealed: Sealed) -> tuple[Sealed, list[LedgerError]]:
    """The checkpoint with the cosignatures of the witnesses that answered, and what is the matter with the others."""
    if not sealed.checkpoint.size:
        return sealed, []
    failures: list[LedgerError] = []
    witnesses = configured(ledger.settings)
    with client() as http, ThreadPoolExecutor(max(len(witnesses), 1)) as threads:
        asking = Asking(ledger, http)
        for answer in [threads.submit(asking.ask, witness, sealed) for witness in witnesses]:
            try:
                answer.result()
            except LedgerError as error:
                failures.append(error)
    return sealing.published(ledger, sealed.checkpoint.size), failures


def standings(ledger: Ledger) -> list[Standing]:
    """How far each configured witness stands for the log. Raises `SettingsError`."""
    store = CheckpointStore(ledger.database)
    try:
        newest = sealing.published(ledger).checkpoint.size
    except NotFound:
        newest = 0
    found = []
    for witness in configured(ledger.settings):
        held = store.cosigned(witness.name, witness.key.id)
        size = held.size if held else 0
        time = utc_text(cosignatures.time_of(held.line) * 1_000_000) if held else None
        found.append(Standing(witness.name, size, time, newest - size))
    return found
