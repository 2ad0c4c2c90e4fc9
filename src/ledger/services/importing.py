"""Take a file of command lines in: as they are, or as the history of an older system."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.events import Actor, Event, HistoryImported
from ledger.domain.times import local_day, microseconds, parse_instant
from ledger.domain.values import Document
from ledger.errors import BadFile, Refused
from ledger.services.answers import Recorded, refusal
from ledger.services.command_line import MAX_LINE_BYTES, parse_line
from ledger.services.commands import CommandHandler, Outcome
from ledger.services.deciding import History, Submission
from ledger.services.ids import derived_salt, derived_uuid7
from ledger.services.line_order import Place, in_order
from ledger.store.append import Append, IdempotencyKey
from ledger.store.group_commit import GroupCommit
from ledger.store.log import Log
from ledger.store.texts import encode_with_texts

_SECRET_BEGINS_WITH = b"progress-ledger: the salts of this file's texts\0"
_BLOCK = 2**20
BATCH = 500
"""Lines decided and appended together."""

Progress = Callable[[int, int], None]
"""Called with (bytes or lines done, in all)."""
Report = Callable[[int, Outcome], None]
"""Called with the number of each line and what became of it."""
Line = tuple[int, bytes]
"""(number in the file from 1, bytes)."""


class Summary(Struct):
    """What became of a file."""

    lines: int = 0
    recorded: int = 0
    replayed: int = 0
    refused: int = 0
    warnings: int = 0

    def count(self, outcome: Outcome) -> None:
        """One more line."""
        self.lines += 1
        if isinstance(outcome, Recorded):
            self.recorded += not outcome.replayed
            self.replayed += outcome.replayed
            self.warnings += len(outcome.warnings)
        else:
            self.refused += 1


class Importer:
    """Imports files into one ledger. The same file again records nothing twice: each line has a key of its own."""

    def __init__(self, log: Log, commands: CommandHandler, committer: GroupCommit) -> None:
        self._log = log
        self._commands = commands
        self._committer = committer

    def commands(self, path: Path, report: Report, progress: Progress) -> Summary:
        """Every line of the file is handled, in order; a faulty one is reported and harms no other."""
        digest, size, _ = _digest(path)
        with path.open("rb") as file:
            lines = _lines(file)
            return self._handle(lines, digest, None, report, lambda _: progress(file.tell(), size))

    def history(self, path: Path, report: Report, progress: Progress) -> Summary:
        """The file's lines are recorded at the times that they carry, in order of those, after an event that names it.

        Raises `BadFile`, before anything is recorded, when a line is no command with a `recorded_at` that has come;
        `Refused` when the ledger has live events already. A line that is refused for what it asks is reported and harms
        no other.
        """
        digest, size, secret = _digest(path)
        with in_order(_places(path, self._commands.clock())) as order:
            total = len(order)
            if not total:
                return Summary()
            document = Document(path.name, "application/x-ndjson", size, digest)
            history = self._begin(document, secret, order.first(), total)
            with path.open("rb") as file:
                return self._handle(_lines_at(file, order), digest, history, report, lambda done: progress(done, total))

    def holds_only(self, path: Path) -> bool:
        """The ledger holds nothing, or nothing but what an import of this file as history has put there."""
        digest, _, _ = _digest(path)
        head = self._log.head()
        return head.live_from is None and {file.sha256 for file in self._log.imports(head.next_position)} <= {digest}

    def _begin(self, document: Document, secret: bytes, first: int, lines: int) -> History:
        """The import event is in the log, now or since an earlier try; its id is the cause of all that follows."""
        event_id = derived_uuid7(first, document.sha256)
        data = HistoryImported(file=document, lines=lines)
        day = local_day(first, self._commands.zone).isoformat()
        event = Event(
            actor=Actor(None, None),
            causation=None,
            correlation=None,
            data=data,
            effective=day,
            id=event_id,
            stream=f"history/{document.sha256}",
            type=data.type_name,
            v=data.schema_version,
            version=1,
        )
        _, encoded, texts = encode_with_texts(event, lambda path: derived_salt(secret, event_id, path))
        key = IdempotencyKey("", f"history:{document.sha256}", hashlib.sha256(document.sha256.encode()).digest())
        answer = self._committer.append([Append(event.stream, 0, (encoded,), key, first, (texts,))])[0]
        if answer.status == "refused":
            raise refusal(answer.reason)
        if answer.status == "conflict":
            # The keys of its lines are not in an export: they would all be recorded once more.
            raise Refused("already_imported", None, "the ledger was restored with this import in it: import it no more")
        return History(event_id, document.sha256, secret)

    def _handle(
        self,
        lines: Iterator[Line],
        digest: str,
        history: History | None,
        report: Report,
        progress: Callable[[int], None],
    ) -> Summary:
        summary = Summary()
        while batch := list(islice(lines, BATCH)):
            for (number, _), outcome in zip(batch, self._outcomes(batch, digest, history), strict=True):
                summary.count(outcome)
                report(number, outcome)
            progress(summary.lines)
        return summary

    def _outcomes(self, batch: Sequence[Line], digest: str, history: History | None) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        submissions: list[tuple[int, Submission]] = []
        for index, (number, line) in enumerate(batch):
            try:
                parsed, command = parse_line(line)
            except Refused as error:
                outcomes[index] = error
                continue
            if parsed.idempotency_key is None:
                parsed = replace(parsed, idempotency_key=f"file:{digest}:{number}")
            submissions.append((index, Submission(parsed, command, history=history, number=number)))
        handled = self._commands.handle([submission for _, submission in submissions])
        outcomes.update(zip((index for index, _ in submissions), handled, strict=True))
        return [outcomes[index] for index in range(len(batch))]


def _lines(file: BinaryIO) -> Iterator[Line]:
    """The lines that are not blank; one that is too long is cut, and then refused for its length."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 2):
        number += 1
        if not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            while (rest := file.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            yield number, line


def _lines_at(file: BinaryIO, order: Iterable[Place]) -> Iterator[Line]:
    for _, number, offset in order:
        file.seek(offset)
        yield number, file.readline()


def _places(path: Path, now: int) -> Iterator[Place]:
    """Where every line is and at what time; raises `BadFile` for a faulty one."""
    number = offset = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 2):
            number += 1
            if line.strip():
                try:
                    parsed, _ = parse_line(line)
                except Refused as error:
                    raise BadFile(str(path), number, str(error)) from error
                instant = parse_instant(parsed.recorded_at) if parsed.recorded_at is not None else None
                if instant is None:
                    raise BadFile(
                        str(path),
                        number,
                        "recorded_at: history says when each line was recorded, as an instant with an offset",
                    )
                recorded_at = microseconds(instant)
                if not 0 < recorded_at <= now:
                    # A slip of the pen: all that is recorded later would lie behind it.
                    raise BadFile(
                        str(path), number, f"recorded_at: {parsed.recorded_at} does not lie between 1970 and now"
                    )
                yield recorded_at, number, offset
            offset += len(line)


def _digest(path: Path) -> tuple[str, int, bytes]:
    """(SHA-256 in hexadecimal, size in bytes, secret of its texts); raises `BadFile` when it cannot be read.

    The SHA-256 is published. The secret cannot be worked out from it: its hash begins with something else.
    """
    published, secret = hashlib.sha256(), hashlib.sha256(_SECRET_BEGINS_WITH)
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                published.update(block)
                secret.update(block)
            return published.hexdigest(), file.tell(), secret.digest()
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
