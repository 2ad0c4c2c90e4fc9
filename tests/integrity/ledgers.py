"""A ledger with a key, something to sign, and a superuser who does what he should not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from tests.conftest import Database
from tests.support.ledgers import opened

from ledger.merkle.note_keys import VerifierKey
from ledger.services import keys, sealing
from ledger.services.ledger import Ledger
from ledger.services.sealing import Sealed
from ledger.store.append import Append
from ledger.store.recorder import LedgerRecorder

ORIGIN = "example.org/ledger"


@contextmanager
def signing(database: Database, folder: Path, **more: object) -> Iterator[Ledger]:
    """The test's ledger, with a key in the folder that is made when it is not there."""
    with opened(database, data_dir=folder / "data", **more) as ledger:
        if keys.load_if_any(ledger.settings) is None:
            keys.create(ledger.settings, ORIGIN)
        yield ledger


def verifier(ledger: Ledger) -> VerifierKey:
    """The key that the ledger's checkpoints are verified with: the newest."""
    return keys.load(ledger.settings).newest.verifier


def fill(ledger: Ledger, count: int, stream: str = "s", start: int = 0) -> None:
    """So many small events of a stream are recorded, from version `start` + 1 on; nothing that the domain knows."""
    recorder = LedgerRecorder(ledger.database)
    while count:
        batch = min(count, 2_000)
        events = tuple(("test.event", _event(stream, n + 1)) for n in range(start, start + batch))
        (answer,) = recorder.append([Append(stream, start, events)])
        assert answer.status == "recorded", answer
        start, count = start + batch, count - batch


def _event(stream: str, version: int) -> bytes:
    return b'{"stream":"%b","type":"test.event","version":%d}' % (stream.encode(), version)


def seal(ledger: Ledger) -> Sealed:
    """A checkpoint over all that is recorded."""
    return sealing.sealer(ledger).seal()


@contextmanager
def superuser(database: Database) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session that nothing stops: the triggers are disabled first, and put back as they were."""
    triggers = {
        "log": ("log_append_only",),
        "text": ("text_append_only", "text_only_erased"),
        "tile": ("tile_append_only",),
        "checkpoint": ("checkpoint_append_only",),
        "cosignature": ("cosignature_append_only",),
    }
    with psycopg.connect(database.owner, autocommit=True) as connection:
        for table in triggers:
            connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
        yield connection
        for table, names in triggers.items():
            for name in names:
                connection.execute(f"ALTER TABLE ledger.{table} ENABLE ALWAYS TRIGGER {name}")
