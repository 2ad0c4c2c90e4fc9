"""What a certificate holds, file by file, and the words on its cover."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from importlib import metadata
from typing import Literal

import msgspec
from msgspec import Struct

from ledger.errors import IntegrityError
from ledger.services.reporting import ReportRequest

Kind = Literal["complete", "excerpt"]

COVER = "README.txt"
STATEMENT = "certificate.json"
REPORT = "report.json"
TEXTS = "texts.json"
CHECKPOINT = "checkpoint"

MAX_BYTES = 32 * 1024 * 1024
"""No file in a certificate is larger: a bundle of 256 entries has half of it at the most. A larger one is refused."""
_STAMP = (1980, 1, 1, 0, 0, 0)
"""The time that every file in the certificate bears: the same question gives the same bytes."""


class CertificateError(IntegrityError):
    """A certificate that does not hold together: `file` is the part of it that is wrong."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """So many records were known at that time (microseconds since 1970, UTC)."""

    as_of: int
    position: int


class Statement(Struct, frozen=True, forbid_unknown_fields=True):
    """What was asked, and what the figures rest on besides the entries."""

    kind: Kind
    product: str
    """The version whose rules made the figures."""
    report: str
    as_of: str
    on: str
    baseline: Literal["active", "original"] | None
    unit: str | None
    plan: str | None
    task: str | None
    parameters: Mapping[str, str]
    time_zone: str
    calendar: str
    position: int
    """The figures follow from the records before this one."""
    root: str
    """The root of the tree over these, in hexadecimal."""
    consistency: tuple[str, ...]
    """The proof that the tree of the checkpoint begins with that one, hashes in base 64; none for equal sizes."""
    known: tuple[Known, ...]
    """Every time that the question names, with the records known then."""

    @property
    def request(self) -> ReportRequest:
        """The question, with both times as they were understood."""
        return ReportRequest(
            self.report, self.as_of, self.on, self.baseline, self.unit, self.plan, self.task, True, self.parameters
        )


def product_version() -> str:
    """The version of the rules that make figures here."""
    return metadata.version("progress-ledger")


def encode(statement: Statement) -> bytes:
    """The statement as JSON, one field a line."""
    return msgspec.json.format(msgspec.json.encode(statement), indent=1) + b"\n"


def decode(content: bytes) -> Statement:
    """The inverse of `encode`. Raises `CertificateError`."""
    try:
        return msgspec.json.decode(content, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CertificateError(STATEMENT, str(error)) from error


def proof_path(position: int) -> str:
    """Where the proof for the entry at that position lies, which holds the entry too (C2SP tlog-proof)."""
    return f"proofs/{position}.tlog-proof"


def proof_position(path: str) -> int | None:
    """The inverse of `proof_path`; None for another path."""
    name = path.removeprefix("proofs/").removesuffix(".tlog-proof")
    return int(name) if name.isascii() and name.isdecimal() and proof_path(int(name)) == path else None


def put(file: zipfile.ZipFile, path: str, content: bytes) -> None:
    """The file is in the certificate."""
    entry = zipfile.ZipInfo(path, _STAMP)
    entry.external_attr = 0o644 << 16
    file.writestr(entry, content, zipfile.ZIP_DEFLATED)


def read(file: zipfile.ZipFile, path: str) -> bytes:
    """What the certificate holds under that name. Raises `CertificateError`."""
    try:
        with file.open(path) as part:
            content = part.read(MAX_BYTES + 1)
    except KeyError as error:
        raise CertificateError(path, "it is missing") from error
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CertificateError(path, f"it cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise CertificateError(path, f"it is larger than {MAX_BYTES:,} bytes")
    return content


def cover(statement: Statement, note: str) -> str:
    """What people read first: what this is, and what it can and cannot prove."""
    asked = {
        "Report": statement.report,
        "Situation on": statement.on,
        "As known at": statement.as_of,
        "Baseline": statement.baseline,
        "Unit": statement.unit,
        "Plan": statement.plan,
        "Task": statement.task,
        **statement.parameters,
        "Records": f"the first {statement.position:,} of the log",
        "Root": statement.root,
        "Time zone": statement.time_zone,
        "Calendar": statement.calendar,
        "Made by": f"progress-ledger {statement.product}",
    }
    lines = [f"{name + ':':<14}{value}" for name, value in asked.items() if value is not None]
    return _COVER.format(asked="\n".join(lines), says=_SAYS[statement.kind], note=note)


_SAYS: Mapping[Kind, str] = {
    "complete": """\
This certificate is COMPLETE: it holds every entry of the log up to the records named above.

It proves, to whoever trusts the key (vkey) of the log:
- the log's operator signed a checkpoint that covers exactly these entries, in this order;
- the figures in report.json are those that the published rules give for these entries, to the byte: nothing was left
  out, added or rounded.
One key of the log will do: it holds the records that say which key follows which up to the checkpoint, and these are
followed. It does not prove that no key was retired in a record between these entries and the checkpoint.""",
    "excerpt": """\
This certificate is an EXCERPT: it holds the entries of the tasks that the report is about, and those of all units,
plans, calendars, imports and keys that were known, each with a proof of its own.

It proves, to whoever trusts the key (vkey) of the log:
- each of these entries stands in the log at its position, under a checkpoint that the log's operator signed;
- the figures in report.json are those that the published rules give for these entries, to the byte.
It does NOT prove that nothing was left out. Within a task, a unit or a plan no entry can be missing between two others,
because versions are counted; but its last entries, or whole tasks, can. Only a complete certificate, or an archive of
the log, excludes that.
One key of the log will do: it holds the records that say which key follows which, and these are followed. It does not
prove that the last of them was not left out: that the key which signed was not retired before is for you to know.""",
}

_COVER = """\
CERTIFIED REPORT

{asked}

{says}

Names and free texts in the report are those that were recorded: each opens the reference in its entry (texts.json).
Where "erased" or "withheld" stands in place of one, that is the operator's statement.

Neither kind proves that what was recorded is true, or that all that happened was recorded; and the time zone and the
calendar are the operator's statement: they are not part of the log.

To verify, offline, with the key from somebody else than whoever gave you this file:

    ledger certify verify FILE.zip --vkey VKEY

The checkpoint:

{note}"""
