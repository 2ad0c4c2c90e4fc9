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
from ledger.services.cosigning.configured import configured
from ledger.services.key_history import KeyHistory
from ledger.services.ledger import Ledger
from ledger.services.log_scan import Finding, LogScan
from ledger.services.vouching import Quorum, Signatures, Vouched, Witnessed, Witnesses
from ledger.store import checks
from ledger.store.append import Head
from ledger.store.checkpoints import CheckpointStore

Progress = Callable[[str, int, int], None]
"""Called with (what is being looked at, done, total)."""


class _Signed(Struct, frozen=True):
    """A checkpoint that the log is held to, and where it was found; believed when its signature is verified."""

    checkpoint: Checkpoint
    note: bytes
    cosignatures: bytes
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
    keys: tuple[Vouched, ...]
    """Which key of the log stands for which of them."""
    witnesses: tuple[Witnessed, ...]
    """How far each witness that was asked about stands for the log."""
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
    ledger: Ledger,
    trusted: Sequence[VerifierKey] | None,
    progress: Progress,
    *,
    deep: bool = False,
    quorum: Quorum | None = None,
) -> Verification:
    """The log against itself, its texts, its stored tiles, and every checkpoint; `deep`: each read model as well.

    `trusted` None takes the ledger's own keys, if it has any; `quorum` None the witnesses that it asks, wanting none.
    Reads one snapshot; recording goes on meanwhile.
    """
    if trusted is None:
        ring = keys.load_if_any(ledger.settings)
        trusted = ring.verifiers if ring else ()
    if quorum is None:
        quorum = Quorum(tuple(each.key for each in configured(ledger.settings)))
    findings: dict[str, Finding] = {}
    # What was signed is read before the log: so the log cannot have fallen behind it meanwhile.
    notes = _notes(ledger, findings)
    tiled = checks.tiled(ledger.database)
    with checks.snapshot(ledger.database) as snapshot:
        scan = LogScan(snapshot)
        scan.findings = findings
        head = snapshot.head()
        end = head.next_position if head else 0
        kept = _roots(scan, notes, lambda done: progress("records", done, end))
        _check_head(scan, head, tiled)
        if scan.whole:
            _check_streams(scan, snapshot.stream_heads())
            scan.texts.finish()
    history = KeyHistory(trusted, scan.key_records)
    for each in history.unsigned if trusted else ():
        scan.find("KEY_RECORD", each.position, each.reason)
    signatures, witnesses = Signatures(history), Witnesses(quorum)
    signed = _believed(notes, signatures if trusted else None, witnesses, scan)
    _judge(scan, signed, kept)
    # Witnesses come behind the newest checkpoint while the ledger is at work: any that is cosigned will do.
    lacking = witnesses.lacking()
    if lacking is not None:
        scan.find("WITNESSES", None, lacking)
    compared = deep and not findings  # what a log that is not sound gives is not worth comparing
    if compared:
        for projection in ledger.projections:
            _check_read_model(ledger, projection.name, scan, progress)
    return Verification(
        scan.size,
        len(signed),
        max((each.checkpoint.size for each in signed), default=None),
        bool(trusted),
        signatures.vouched,
        witnesses.witnessed,
        len(ledger.projections) if compared else 0,
        scan.texts.texts,
        scan.texts.erased,
        scan.texts.withheld,
        scan.texts.withheld_above,
        tuple(sorted(findings.values(), key=lambda each: (each.position is None, each.position))),
    )


def _notes(ledger: Ledger, findings: dict[str, Finding]) -> list[_Signed]:
    """Every checkpoint there is, by size: the one remembered outside the database, and those published in it."""
    found: list[tuple[bytes, bytes, str, int | None]] = [
        (each.note, each.cosignatures, f"published over {each.size:,}", each.size)
        for each in CheckpointStore(ledger.database).after(-1)
    ]
    remembered = sealing.memory(ledger.settings).read()
    if remembered is not None and remembered not in {note for note, _, _, _ in found}:
        found.append((remembered, b"", "remembered by the signer", None))
    read = []
    for note, cosignatures, where, size in found:
        try:
            checkpoint = checkpoints.read_unverified(note)
            if size not in (None, checkpoint.size):
                raise CheckpointError(f"it is over {checkpoint.size:,}")
        except (NoteError, CheckpointError) as error:
            findings.setdefault("SIGNATURE", Finding("SIGNATURE", None, f"the checkpoint {where}: {error}"))
        else:
            read.append(_Signed(checkpoint, note, cosignatures, where))
    return sorted(read, key=lambda each: each.checkpoint.size)


def _believed(
    found: Sequence[_Signed], signatures: Signatures | None, witnesses: Witnesses, scan: LogScan
) -> list[_Signed]:
    """The checkpoints that a key of the log has signed; all of them when there is no key to verify them with."""
    believed = []
    for each in found:
        try:
            if signatures is not None:
                signatures.read(each.note)
        except (NoteError, CheckpointError) as error:
            scan.find("SIGNATURE", None, f"the checkpoint {each.where}: {error}")
            continue
        believed.append(each)
        try:
            witnesses.read(each.note + each.cosignatures)
        except (NoteError, CheckpointError) as error:
            scan.find("COSIGNATURE", None, f"the checkpoint {each.where}: {error}")
    return believed


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
