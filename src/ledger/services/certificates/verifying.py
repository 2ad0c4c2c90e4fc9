"""`ledger certify verify`: the figures follow from the entries, and these were signed. Needs only the file."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

import orjson
from msgspec import Struct

from ledger.domain.events import Record
from ledger.errors import BadFile, EntryError, LedgerError
from ledger.merkle import base64_text, bundles, checkpoints, notes, proof_files
from ledger.merkle.bundles import BundleError
from ledger.merkle.checkpoints import Checkpoint, CheckpointError
from ledger.merkle.hashing import leaf_hash
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.notes import NoteError
from ledger.merkle.proof_files import ProofFileError
from ledger.merkle.proofs import ConsistencyProof, InclusionProof, ProofError, verify_consistency, verify_inclusion
from ledger.merkle.tiles import TILE_WIDTH, tile_of
from ledger.merkle.tree import Frontier
from ledger.reports.document import Document
from ledger.reports.writers.json import write_json
from ledger.services import reporting
from ledger.services.certificates import contents, texts
from ledger.services.certificates.contents import CertificateError, Statement
from ledger.services.certificates.evidence import Evidence
from ledger.services.key_history import STREAM as KEYS_STREAM
from ledger.services.key_history import KeyHistory, KeyRecord, Unsigned, key_record, may_be_of_keys
from ledger.services.vouching import NOBODY, Quorum, Signatures, Vouched, Witnessed, Witnesses
from ledger.store.entry import decode_entry

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


class Verified(Struct, frozen=True):
    """A certificate that holds together."""

    statement: Statement
    checkpoint: Checkpoint
    entries: int
    """That the figures were made from."""
    document: Document
    """The report, as it was made from them."""
    keys: tuple[Vouched, ...]
    """Which keys of the log count, and which of them signed the checkpoint; none when no signature was verified."""
    unsigned: tuple[Unsigned, ...]
    """Records of keys that no trusted key has signed, and which were not believed."""
    witnesses: tuple[Witnessed, ...]
    """The witnesses that stand for the checkpoint."""


def verify(path: Path, trusted: Sequence[VerifierKey] | None, progress: Progress, quorum: Quorum = NOBODY) -> Verified:
    """Everything in the certificate follows from entries under a checkpoint that a key which counts has signed.

    These are the trusted ones and those that the records of keys in it bring in, but not those that these retire
    (`KeyHistory`). With `trusted` None no signature of the log is verified. Raises `CertificateError`, which names the
    part that is wrong, also when fewer witnesses than the quorum wants have cosigned the checkpoint; and `BadFile` for
    what is no such file at all.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return _Verification(file, trusted, progress, quorum).run()
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadFile(str(path), None, f"it cannot be read as a certificate: {reason}") from error


class _Verification:
    def __init__(
        self, file: zipfile.ZipFile, trusted: Sequence[VerifierKey] | None, progress: Progress, quorum: Quorum
    ) -> None:
        self._file = file
        self._progress = progress
        self._names = self._checked_names()
        self._note = contents.read(file, contents.CHECKPOINT)
        self._trusted = trusted
        self._witnesses = Witnesses(quorum)
        self._checkpoint = self._unverified()
        self._statement = contents.decode(contents.read(file, contents.STATEMENT))

    def run(self) -> Verified:
        said = self._statement
        if contents.read(self._file, contents.COVER) != contents.cover(said, self._note.decode()).encode():
            raise CertificateError(contents.COVER, "it is not the cover of this certificate")
        self._check_root()
        whole = self._bundles() if said.kind == "complete" else {}
        proven = self._proven()
        history = KeyHistory(self._trusted or (), _key_records(sorted((proven | whole).items())))
        keys = self._signed(history) if self._trusted is not None else ()
        self._check_witnesses()
        extra = self._names - {
            contents.COVER, contents.STATEMENT, contents.CHECKPOINT, contents.REPORT, contents.TEXTS
        }  # fmt: skip
        if extra:
            raise CertificateError(min(extra), "a certificate of this kind holds no such file")
        records = [_record(position, entry) for position, entry in sorted((proven | whole).items())]
        self._check_known({record.position: record.recorded_at for record in records})
        borders = {known.position - 1 for known in said.known} if said.kind == "excerpt" else set()
        known = _in_order([record for record in records if record.position < said.position], borders)
        return Verified(
            said, self._checkpoint, len(known), self._document(known), keys, history.unsigned, self._witnesses.witnessed
        )

    def _checked_names(self) -> set[str]:
        """Each name stands for one file: with two of a name, every reader could see another."""
        names = Counter(self._file.namelist())
        name, times = max(names.items(), key=lambda each: each[1], default=("", 1))
        if times > 1:
            raise CertificateError(name, f"it is there {times} times")
        return set(names)

    def _unverified(self) -> Checkpoint:
        """The checkpoint, under which no trusted key's signature is false; `_signed` says whether one counts."""
        try:
            note = notes.parse(self._note)
            notes.signed(note, self._trusted or ())
            return checkpoints.parse_text(note.text)
        except (NoteError, CheckpointError) as error:
            raise CertificateError(contents.CHECKPOINT, str(error)) from error

    def _signed(self, history: KeyHistory) -> tuple[Vouched, ...]:
        """The keys of the log, one of which counts at the checkpoint's size and has signed it."""
        signatures = Signatures(history)
        try:
            signatures.read(self._note)
        except (NoteError, CheckpointError) as error:
            raise CertificateError(contents.CHECKPOINT, str(error)) from error
        return signatures.vouched

    def _check_witnesses(self) -> None:
        """As many as are wanted have cosigned the checkpoint."""
        try:
            self._witnesses.read(self._note)
        except (NoteError, CheckpointError) as error:
            raise CertificateError(contents.CHECKPOINT, str(error)) from error
        lacking = self._witnesses.lacking(self._checkpoint.size)
        if lacking is not None:
            raise CertificateError(contents.CHECKPOINT, lacking)

    def _check_root(self) -> None:
        """The tree of the checkpoint begins with that of the report's records."""
        said, signed = self._statement, self._checkpoint
        try:
            hashes = tuple(base64_text.decode(each) for each in said.consistency)
            proof = ConsistencyProof(said.position, signed.size, hashes)
            verify_consistency(proof, bytes.fromhex(said.root), signed.root)
        except (ProofError, ValueError) as error:
            raise CertificateError(contents.STATEMENT, f"the checkpoint does not cover its root: {error}") from error

    def _bundles(self) -> dict[int, bytes]:
        """By position: every entry of the report's records, which come to the root."""
        said = self._statement
        tree = Frontier()
        found: dict[int, bytes] = {}
        for index in range(-(-said.position // TILE_WIDTH)):
            tile = tile_of(said.position, 0, index)
            try:
                entries = bundles.decode(contents.read(self._file, tile.entries_path))
            except BundleError as error:
                raise CertificateError(tile.entries_path, str(error)) from error
            if len(entries) != tile.width:
                raise CertificateError(tile.entries_path, f"{len(entries)} entries stand where there are {tile.width}")
            self._names.discard(tile.entries_path)
            found.update(enumerate(entries, index * TILE_WIDTH))
            tree = tree.with_leaves(map(leaf_hash, entries))
            self._progress(len(found), said.position)
        if tree.root.hex() != said.root:
            raise CertificateError("tile/entries", f"its entries give the root {tree.root.hex()}, and not {said.root}")
        return found

    def _proven(self) -> dict[int, bytes]:
        """By position: the entries that have a proof of their own."""
        said = self._statement
        paths = [(path, contents.proof_position(path)) for path in self._names]
        shown = {each.position for each in said.known}
        found: dict[int, bytes] = {}
        for path, position in paths:
            if position is None:
                continue
            found[position] = self._proven_entry(path, position)
            of_keys = position >= said.position and may_be_of_keys(found[position])
            if said.kind == "complete" and position not in shown and not of_keys:
                raise CertificateError(path, "a complete certificate has no need of it")
            self._names.discard(path)
            self._progress(len(found), len(paths))
        return found

    def _proven_entry(self, path: str, position: int) -> bytes:
        try:
            proof = proof_files.parse(contents.read(self._file, path))
            if proof.note != self._note:
                raise CertificateError(path, "it is a proof for another checkpoint")
            if proof.position != position or proof.extra is None:
                raise CertificateError(path, f"it does not hold the entry at position {position}")
            claim = InclusionProof(position, self._checkpoint.size, proof.hashes)
            verify_inclusion(claim, leaf_hash(proof.extra), self._checkpoint.root)
        except (ProofFileError, ProofError) as error:
            raise CertificateError(path, str(error)) from error
        return proof.extra

    def _check_known(self, recorded_at: Mapping[int, int]) -> None:
        """At each of the times so many records were known: the last of them is there, and the one after it."""
        for known in self._statement.known:
            last, after = recorded_at.get(known.position - 1), recorded_at.get(known.position)
            if known.position and (last is None or last > known.as_of):
                raise CertificateError(
                    contents.STATEMENT, f"it does not show that {known.position} records were known by then"
                )
            if known.position < self._checkpoint.size and (after is None or after <= known.as_of):
                raise CertificateError(
                    contents.STATEMENT, f"it does not show that no more than {known.position} records were known then"
                )

    def _document(self, records: Sequence[Record]) -> Document:
        found = texts.decode(contents.read(self._file, contents.TEXTS))
        try:
            document = reporting.report(Evidence(self._statement, records, found), self._statement.request)
        except CertificateError:
            raise
        except LedgerError as error:
            raise CertificateError(contents.REPORT, f"the entries do not answer the question: {error}") from error
        made, held = write_json(document), contents.read(self._file, contents.REPORT)
        if document.position != self._statement.position:
            raise CertificateError(contents.STATEMENT, "its position is not that of its time")
        if made != held:
            raise CertificateError(contents.REPORT, _difference(held, made, self._statement))
        return document


def _key_records(entries: Iterable[tuple[int, bytes]]) -> list[KeyRecord]:
    """What the entries, in the order of their positions, say of the keys that sign the log; none is missing between."""
    found = []
    for position, entry in entries:
        try:
            record = key_record(position, entry)
        except EntryError as error:
            raise CertificateError(f"position {position}", str(error)) from error
        if record is None:
            continue
        found.append(record)
        version = _record(position, entry).event.version
        if version != len(found):
            reason = f"{KEYS_STREAM} has version {version} where {len(found)} is missing"
            raise CertificateError(f"position {position}", reason)
    return found


def _record(position: int, entry: bytes) -> Record:
    try:
        return decode_entry(position, entry)
    except EntryError as error:
        raise CertificateError(f"position {position}", str(error)) from error


def _in_order(records: Sequence[Record], borders: Set[int]) -> list[Record]:
    """The records, whose times rise with positions, and whose versions are counted from 1 in each stream.

    A record that is there only to show what was known at a time, with others of its stream missing, is left out.
    """
    versions: dict[str, int] = {}
    folded: list[Record] = []
    before = 0
    for record in records:
        where, event = f"position {record.position}", record.event
        if record.recorded_at <= before:
            raise CertificateError(where, "it was not recorded after the entry before it")
        before = record.recorded_at
        expected = versions.get(event.stream, 0) + 1
        if event.version == expected:
            versions[event.stream] = expected
            folded.append(record)
        elif record.position not in borders:
            raise CertificateError(where, f"{event.stream} has version {event.version} where {expected} is missing")
    return folded


def _difference(held: bytes, made: bytes, statement: Statement) -> str:
    """Where the figures of the certificate first differ from those that its entries give."""
    try:
        first = next(_unlike(orjson.loads(held), orjson.loads(made), ""), "its spelling")
    except orjson.JSONDecodeError as error:
        first = f"it is no JSON: {error}"
    own = contents.product_version()
    told = "" if own == statement.product else f" (made by version {statement.product}, verified by {own})"
    return f"these are not the figures that the entries give: {first}{told}"


def _unlike(held: object, made: object, path: str) -> Iterator[str]:
    if isinstance(held, dict) and isinstance(made, dict):
        for key in sorted(held.keys() | made.keys()):
            yield from _unlike(held.get(key), made.get(key), f"{path}.{key}" if path else key)
    elif isinstance(held, list) and isinstance(made, list) and len(held) == len(made):
        for index, (one, other) in enumerate(zip(held, made, strict=True)):
            yield from _unlike(one, other, f"{path}[{index}]")
    elif held != made:
        yield f"{path} is {orjson.dumps(held).decode()[:200]}, and should be {orjson.dumps(made).decode()[:200]}"
