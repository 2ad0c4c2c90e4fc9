"""`ledger report … --certify FILE.zip`: a report with the evidence that its figures follow from."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ledger.domain.events import KeyRetired, KeyRotated
from ledger.domain.values import Document as File
from ledger.errors import BadFile, LedgerError, NotFound
from ledger.merkle import base64_text, bundles
from ledger.merkle.note_keys import VerifierKey
from ledger.merkle.tiles import TILE_WIDTH, tile_of
from ledger.projections.rows import Point, Reading
from ledger.reports.document import Document
from ledger.reports.writers.json import write_json
from ledger.services import durable_files, keys, proofs, reporting, sealing
from ledger.services.certificates import contents, texts, verifying
from ledger.services.certificates.contents import Kind, Known, Statement
from ledger.services.cosigning import together
from ledger.services.ledger import Ledger
from ledger.services.queries import Queries
from ledger.services.reporting import ReportRequest
from ledger.services.sealing import Sealed

Progress = Callable[[int, int], None]
"""Called with (entries done, entries in all)."""


def certify(
    ledger: Ledger, request: ReportRequest, path: Path, kind: Kind, progress: Progress
) -> tuple[Document, list[LedgerError]]:
    """The file holds a certificate of the report, which was verified as its reader will.

    Returns the report, and what is the matter with witnesses that did not cosign its checkpoint.

    The newest checkpoint is sealed first where the key is at hand. The file appears under its name when it is whole.
    Raises as `reporting.report` does; `NotFound` when no checkpoint covers the report's records; `CertificateError`
    when an excerpt does not do for this report; `IntegrityError` for a text that is not the one that was recorded;
    `BadFile` when the file cannot be written.
    """
    asked = _Noting(ledger.queries())
    document = reporting.report(asked, request)
    if not document.position:
        raise NotFound("record", "that was known then: there is nothing to certify")
    sealed, failures = together.cosigned(ledger, sealing.current(ledger))
    if sealed.checkpoint.size < document.position:
        raise NotFound(
            "checkpoint",
            f"over the {document.position:,} records of this report; the newest is over {sealed.checkpoint.size:,}. "
            "Seal on the machine that has the key (ledger log checkpoint), or ask --as-of an earlier time",
        )
    statement = _statement(ledger, request, document, sealed, asked.known(), kind)
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w") as file:
            contents.put(file, contents.COVER, contents.cover(statement, sealed.cosigned.decode()).encode())
            contents.put(file, contents.STATEMENT, contents.encode(statement))
            contents.put(file, contents.CHECKPOINT, sealed.cosigned)
            contents.put(file, contents.REPORT, write_json(document))
            contents.put(file, contents.TEXTS, texts.encode(asked.found))
            _put_entries(ledger, file, statement, document, sealed, progress)
        durable_files.sync_file(part)
        verifying.verify(part, _trusted(ledger), progress)
        part.replace(path)
        durable_files.sync_folder(path.parent)
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return document, failures


class _Noting:
    """The ledger as a source of reports, which remembers the times and the texts that it was asked about."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._known: dict[int, int] = {}
        self.found: texts.Found = {}

    def known(self) -> tuple[Known, ...]:
        return tuple(Known(as_of, position) for as_of, position in sorted(self._known.items()))

    def point(self, as_of: str | None, on: str | None) -> Point:
        point = self._queries.point(as_of, on)
        self._known[point.as_of] = point.position
        return point

    def reading(self, point: Point, *, replay: bool = False) -> AbstractContextManager[Reading]:
        return self._queries.reading(point, replay=replay)

    def root(self, position: int) -> bytes:
        return self._queries.root(position)

    def imports(self, position: int) -> Sequence[File]:
        return self._queries.imports(position)

    def resolve(self, references: Collection[str]) -> Mapping[str, str]:
        self.found = self._queries.texts.find(references)
        return {ref: texts.text_of(each) for ref, each in self.found.items()}


def _statement(
    ledger: Ledger, request: ReportRequest, document: Document, sealed: Sealed, known: tuple[Known, ...], kind: Kind
) -> Statement:
    size = sealed.checkpoint.size
    return Statement(
        kind=kind,
        product=contents.product_version(),
        report=request.name,
        as_of=document.as_of,
        on=document.on,
        baseline=request.baseline,
        unit=request.unit,
        plan=request.plan,
        task=request.task,
        parameters=dict(request.parameters),
        time_zone=ledger.locale.time_zone,
        calendar=ledger.locale.calendar,
        position=document.position,
        root=document.root,
        consistency=tuple(map(base64_text.encode, ledger.tiles.consistency(document.position, size).hashes)),
        known=known,
    )


def _put_entries(
    ledger: Ledger, file: zipfile.ZipFile, statement: Statement, document: Document, sealed: Sealed, progress: Progress
) -> None:
    position, size = statement.position, sealed.checkpoint.size
    if statement.kind == "complete":
        for index in range(-(-position // TILE_WIDTH)):
            tile = tile_of(position, 0, index)
            first = index * TILE_WIDTH
            entries = [entry for _, entry in ledger.log.entries(first, first + tile.width)]
            contents.put(file, tile.entries_path, bundles.encode(entries))
            progress(first + tile.width, position)
        needed = {known.position for known in statement.known if known.position < size}
        needed |= {each for each in _of_keys(ledger, size) if each >= position}
    else:
        needed = {*_affected(ledger, statement, document), *_borders(statement, size), *_of_keys(ledger, size)}
    proven = sorted(needed)
    for done, each in enumerate(proven, 1):
        contents.put(file, contents.proof_path(each), bytes(proofs.inclusion_file(ledger, each, sealed)))
        progress(done, len(proven))


def _of_keys(ledger: Ledger, size: int) -> Iterable[int]:
    """The positions of the records of keys, up to the checkpoint."""
    types = [KeyRotated.type_name, KeyRetired.type_name]
    return (record.position for record in ledger.log.records(0, size, types=types))


def _borders(statement: Statement, size: int) -> Iterable[int]:
    """The last entry known at each of the times, and the first that was not."""
    for known in statement.known:
        if known.position:
            yield known.position - 1
        if known.position < size:
            yield known.position


def _affected(ledger: Ledger, statement: Statement, document: Document) -> Iterable[int]:
    """The positions of the tasks that the report is about, and of all units, plans, calendars and imports."""
    queries, request = ledger.queries(), statement.request
    tasks = {row["task"] for row in document.body.rows if row.get("task") is not None}
    with queries.reading(queries.point(statement.as_of, statement.on)) as reading:
        scope = reporting.scope_of(reading, request.unit, request.plan, request.task)
        for found in (reading.tasks(scope), reading.deadline_changes(scope), reading.requests(scope)):
            tasks.update(row.task for row in found)
    log, stop = ledger.log, statement.position
    directory = (record for record in log.directory_records(0) if record.position < stop)
    imports = log.records(0, stop, types=["history.imported"])
    streams = {f"task/{task}": 0 for task in sorted(tasks)}
    of_tasks = (record for records in log.stream_records(streams, stop).values() for record in records)
    for records in (directory, imports, of_tasks):
        yield from (record.position for record in records)


def _trusted(ledger: Ledger) -> list[VerifierKey] | None:
    ring = keys.load_if_any(ledger.settings)
    return None if ring is None else list(ring.verifiers)
