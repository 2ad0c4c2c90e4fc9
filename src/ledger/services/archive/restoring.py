"""`ledger archive restore`: an empty ledger holds what an archive holds, at the same positions with the same hashes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ledger.errors import LedgerError
from ledger.merkle import checkpoints, cosignatures, notes
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import Note
from ledger.merkle.tiles import TILE_WIDTH
from ledger.services.archive import layout, reading, texts, verification
from ledger.services.archive.export import Progress
from ledger.services.archive.layout import ArchiveError
from ledger.services.archive.verification import Verified
from ledger.services.exported_texts import ALL
from ledger.services.ledger import Ledger
from ledger.services.refill import Refill
from ledger.store.checkpoints import CheckpointStore


def restore(ledger: Ledger, folder: Path, trusted: Sequence[VerifierKey] | None, progress: Progress) -> Verified:
    """The ledger holds the entries, texts and checkpoints of the archive, which was verified first.

    It knows from then on which texts the archive had left out, and counts its days as the ledger did that was exported.

    Only into an empty ledger, or one in which a restore of the same archive was interrupted: then it goes on there.
    Raises `ArchiveError` as `verification.verify` does, or for entries that are not a ledger's; `NotEmpty`; and
    `Fork` when the entries do not come to the root that was signed.
    """

    def misplaced(position: int, reason: str) -> LedgerError:
        return ArchiveError("tile/entries", reason, position)

    refill = Refill(ledger.log, misplaced)
    verified = verification.verify(folder, trusted, lambda _done, _all: None)
    size = verified.newest.size
    if verified.highest is None:
        raise ArchiveError(texts.HIGHEST, "it is not there: the archive does not say which texts it has left out")
    if verified.locale is not None:
        ledger.take_locale(verified.locale)
    withheld = None if verified.highest == ALL else verified.highest
    for number, bundle in enumerate(reading.all_bundles(folder, size)):
        openings = texts.read(folder, number)
        for position, entry in enumerate(bundle.entries, number * TILE_WIDTH):
            refill.add(entry, openings.get(position, {}), withheld)
        progress(min((number + 1) * TILE_WIDTH, size), size)
    refill.finish()
    ledger.tiles.fill(size)
    published = CheckpointStore(ledger.database)
    for each in layout.past_sizes(folder):
        if each < size:
            published.publish(each, (folder / layout.past_path(each)).read_bytes())
    _publish(published, size, (folder / layout.CHECKPOINT).read_bytes())
    return verified


def _publish(published: CheckpointStore, size: int, content: bytes) -> None:
    """The newest checkpoint is published as the log signed it, with its cosignatures, which `verify` judges."""
    note = notes.parse(content)
    origin = checkpoints.parse_text(note.text).origin
    own = tuple(each for each in note.signatures if each.name == origin)
    published.publish(size, bytes(Note(note.text, own)))
    for each in note.signatures:
        if each.name != origin and cosignatures.has_form(each):
            published.cosign(size, each.name, each.key_id, each.line)
