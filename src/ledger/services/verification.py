"""`ledger verify`: whether the ledger is what was recorded and signed. It believes only the entries and the key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from ledger.domain.times import utc_text
from ledger.domain.values import Classification
from ledger.errors import Outdated
from ledger.merkle import checkpoints
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.projections.audit import audit
from ledger.services import keys, sealing
from ledger.services.ledger import Ledger
from ledger.services.log_scan import Finding, LogScan
from ledger.store import checks
from ledger.store.append import Head
from ledger.store.checkpoints import CheckpointStore

Progress = Callable[[str, int, int], None]
"""Called with (what is being looked at, done, total)."""


class _Signed(Struct, frozen=True):
    """A checkpoint that the log is held to, and where it was found."""

    checkpoint: Checkpoint
    where: str


class Verification(Struct, frozen=True):
    """What was found out. The ledger is sound when there are no findings."""

    entries: int
    checkpoints: int
    """Verified: the published ones, and the one that the signer remembers if that is another."""
    last_signed: int | None
    """How many entries the newest of them is over; what comes after nobody has signed yet."""
    signatures: bool
    """Whether there was a key to verify them with."""
    read_models: int
    """How many were compared with the log; none when the log itself is not sound."""
    texts: int
    """That are there, each the one that its entry has a reference to."""
    erased: int
    """Texts that are not, by an event that says on what legal basis."""
    withheld: int
    """Texts that the ledger was restored without, because they are classified higher than `withheld_above`."""
    withheld_above: Classification | None
    findings: tuple[Finding, ...]
    """By position, the first of each kind."""


def verify(
    ledger: Ledger, trusted: Sequence[VerifierKey] | None, progress: Progress, *, deep: bool = False
) -> Verification:
    """The log against itself, its texts, its stored tiles, and every checkpoint; `deep`: each read model as well.

    `trusted` None takes the ledger's own key, if it has one. Reads one snapshot; recording goes on meanwhile.
    """
    if trusted is None:
        key = keys.load_if_any(ledger.settings)
        trusted = [key.verifier] if key else []
    findings: dict[str, Finding] = {}
    # What was signed is read before the log: so the log cannot have fallen behind it meanwhile.
    signed = _signed(ledger, trusted, findings)
    tiled = checks.tiled(ledger.database)
    with checks.snapshot(ledger.database) as snapshot:
        scan = LogScan(snapshot)
        scan.findings = findings
        head = snapshot.head()
        end = head.next_position if head else 0
        kept = _roots(scan, signed, lambda done: progress("records", done, end))
        _check_head(scan, head, tiled)
        if scan.whole:
            _check_streams(scan, snapshot.stream_heads())
            scan.texts.finish()
    _judge(scan, signed, kept)
    compared = deep and not findings  # what a log that is not sound gives is not worth comparing
    if compared:
        for projection in ledger.projections:
            _check_read_model(ledger, projection.name, scan, progress)
    return Verification(
        scan.size,
        len(signed),
        max((each.checkpoint.size for each in signed), default=None),
        bool(trusted),
        len(ledger.projections) if compared else 0,
        scan.texts.texts,
        scan.texts.erased,
        scan.texts.withheld,
        scan.texts.withheld_above,
        tuple(sorted(findings.values(), key=lambda each: (each.position is None, each.position))),
    )


def _signed(ledger: Ledger, trusted: Sequence[VerifierKey], findings: dict[str, Finding]) -> list[_Signed]:
    """Every checkpoint there is, by size: the one remembered outside the database, and those published in it."""
    notes: list[tuple[bytes, str, int | None]] = [
        (each.note, f"published over {each.size:,}", each.size) for each in CheckpointStore(ledger.database).after(-1)
    ]
    remembered = sealing.memory(ledger.settings).read()
    if remembered is not None and remembered not in {note for note, _, _ in notes}:
        notes.append((remembered, "remembered by the signer", None))
    signed = []
    for note, where, size in notes:
        try:
            checkpoint = checkpoints.read(note, trusted) if trusted else checkpoints.read_unverified(note)
            if size not in (None, checkpoint.size):
                raise CheckpointError(f"it is over {checkpoint.size:,}")
        except (NoteError, CheckpointError) as error:
            findings.setdefault("SIGNATURE", Finding("SIGNATURE", None, f"the checkpoint {where}: {error}"))
        else:
            signed.append(_Signed(checkpoint, where))
    return sorted(signed, key=lambda each: each.checkpoint.size)


def _roots(scan: LogScan, signed: Sequence[_Signed], progress: Callable[[int], None]) -> dict[int, bytes]:
    """The log is read; returns its root at the size of each checkpoint that it reaches."""
    roots = {}
    for size, root in scan.run(sorted({each.checkpoint.size for each in signed})):
        roots[size] = root
        progress(size)
    progress(scan.size)
    return roots


def _check_head(scan: LogScan, head: Head | None, tiled: int) -> None:
    if head is None:
        scan.find("HEAD", None, "the head of the log is not there")
        return
    if not scan.whole:
        return
    if head.next_position > scan.size:
        scan.find(
            "MISSING", scan.size, f"the log ends here, and its head says that it has {head.next_position:,} records"
        )
    elif head.next_position < scan.size:
        scan.find(
            "HEAD", head.next_position, f"there are {scan.size:,} records, and the head says {head.next_position:,}"
        )
    elif head.recorded_at != scan.recorded_at:
        what = f"the last record is of {utc_text(scan.recorded_at)}, and the head says {utc_text(head.recorded_at)}"
        scan.find("HEAD", scan.size - 1 if scan.size else None, what)
    if tiled > scan.size:
        scan.find("ROLLBACK", scan.size, f"tiles are stored over {tiled:,} records, and there are {scan.size:,}")


def _check_streams(scan: LogScan, heads: dict[str, int]) -> None:
    if heads != scan.versions:
        stream = min(dict(heads.items() ^ scan.versions.items()))
        said, found = heads.get(stream, 0), scan.versions.get(stream, 0)
        scan.find(
            "STREAM_HEAD", None, f"{stream} is said to stand at version {said}, and its last record is version {found}"
        )


def _judge(scan: LogScan, signed: Sequence[_Signed], roots: dict[int, bytes]) -> None:
    """The log is held to what was signed of it; and an entry unlike its leaf hash to whoever is right of the two."""
    sound = 0
    forked: _Signed | None = None
    for each in signed:
        size = each.checkpoint.size
        if size not in roots:
            if scan.whole:
                what = f"the checkpoint {each.where} is over {size:,} records, and there are {scan.size:,}"
                scan.find("ROLLBACK", scan.size, what)
        elif roots[size] != each.checkpoint.root:
            forked = forked or each
        elif forked is None:
            sound = size
    unlike = scan.unlike
    if unlike is not None and unlike < sound:
        scan.find(
            "TILE", unlike, "the leaf hash that is stored for the record is not that of its entry, which is as signed"
        )
    elif unlike is not None:
        scan.find("ALTERED", unlike, "the entry does not have the leaf hash that was stored when it was recorded")
    if forked is not None and (unlike is None or unlike >= forked.checkpoint.size or unlike < sound):
        size = forked.checkpoint.size
        what = (
            f"the entry at this position or at one up to {size - 1:,} is not the one that was signed: {size:,} entries "
            f"give the root {roots[size].hex()}, and the checkpoint {forked.where} has {forked.checkpoint.root.hex()}"
        )
        scan.find("FORK", sound, what)


def _check_read_model(ledger: Ledger, name: str, scan: LogScan, progress: Progress) -> None:
    projection = next(each for each in ledger.projections if each.name == name)
    try:
        found = audit(ledger.database, ledger.log, projection, lambda done, total: progress(name, done, total))
    except Outdated as error:
        scan.find("READ_MODEL", None, str(error))
        return
    for each in found:
        what = f"{each.projection}.{each.table} is not what the log gives ({each.rows:,} rows); {each.what}"
        scan.find("READ_MODEL", each.position, what)
