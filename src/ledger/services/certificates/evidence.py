"""The evidence of a certificate, as something that a report can be made from: entries, and no ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ledger.domain.events import HistoryImported, Record
from ledger.domain.times import as_of_microseconds, parse_day, zone_of
from ledger.domain.values import Document as File
from ledger.errors import BadQuery
from ledger.projections.replay import Replay
from ledger.projections.rows import Point, Reading
from ledger.services.certificates.contents import REPORT, TEXTS, CertificateError, Statement
from ledger.services.certificates.texts import Found, text_of


class Evidence:
    """Records with what is stated of them and texts. A `reporting.Source` for what the certificate is about alone."""

    def __init__(self, statement: Statement, records: Sequence[Record], found: Found) -> None:
        self._statement = statement
        self._records = records
        self._found = found
        self._zone = zone_of(statement.time_zone)
        self._known: Mapping[int, int] = {known.as_of: known.position for known in statement.known}

    def point(self, as_of: str | None, on: str | None) -> Point:
        """The point that the two parameters name. Raises `BadQuery`, and `CertificateError` for a time not stated."""
        day = parse_day(on or self._statement.on)
        if day is None:
            raise BadQuery("on", f"{on!r} is not a day (2025-03-08)")
        known = as_of_microseconds(as_of or self._statement.as_of, self._zone)
        if known not in self._known:
            raise CertificateError(REPORT, f"the certificate does not say what was known at {as_of}")
        return Point(known, self._known[known], day, self._statement.calendar)

    @contextmanager
    def reading(self, point: Point, *, replay: bool = True) -> Iterator[Reading]:  # noqa: ARG002  # there is nothing else
        """The ledger as it stands at the point, folded from the records."""
        known = (record for record in self._records if record.position < point.position)
        yield Replay(known, point, self._zone)

    def root(self, position: int) -> bytes:
        """The root that is stated for the report's records, which was verified. Raises `CertificateError`."""
        if position != self._statement.position:
            raise CertificateError(REPORT, f"the certificate has no root for {position} records")
        return bytes.fromhex(self._statement.root)

    def imports(self, position: int) -> Sequence[File]:
        """The files of older systems that the records before the position rest on."""
        return [
            record.event.data.file
            for record in self._records
            if record.position < position and isinstance(record.event.data, HistoryImported)
        ]

    def resolve(self, references: Collection[str]) -> Mapping[str, str]:
        """By reference: its text, or why it is absent. Raises `CertificateError` unless these are those it holds."""
        if references != self._found.keys():
            ref = min(self._found.keys() ^ set(references))
            raise CertificateError(TEXTS, f"{ref} is {'not there' if ref in references else 'not in the report'}")
        return {ref: text_of(each) for ref, each in self._found.items()}
