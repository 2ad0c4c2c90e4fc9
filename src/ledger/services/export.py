"""The event stream as a file: every entry's exact bytes with its position and leaf hash, and back again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.domain.events import HistoryImported, Record
from ledger.errors import BadFile, LedgerError, NotEmpty
from ledger.merkle.hashing import leaf_hash
from ledger.store.entry import decode_entry
from ledger.store.log import Log

BATCH = 2_000
"""Entries restored in one transaction."""

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

_LINE = re.compile(rb'\{"entry":(\{.*\}),"leaf":"([0-9a-f]{64})","position":(0|[1-9][0-9]{0,17})\}\n?', re.DOTALL)


def export_line(position: int, entry: bytes) -> bytes:
    """`{"entry":…,"leaf":"…","position":…}` and a line feed: canonical JSON again, with the entry byte for byte."""
    return b'{"entry":%b,"leaf":"%b","position":%d}\n' % (entry, leaf_hash(entry).hex().encode(), position)


def export(log: Log, path: Path, progress: Progress) -> int:
    """The whole log as it is now is in the file; returns the number of entries.

    The file appears under its name when it is complete and on disk, and not before. Raises `BadFile` when it cannot
    be written.
    """
    stop = log.head().next_position
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            for batch in log.entries_in_batches(0, stop):
                file.writelines(export_line(position, entry) for position, entry in batch)
                progress(batch[-1][0] + 1, stop)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
    return stop


def restore(log: Log, path: Path, progress: Progress) -> int:
    """The ledger holds the file's entries at the same positions with the same leaf hashes; returns their number.

    Only into an empty ledger, or one in which a restore of the same file was interrupted: then it goes on there.
    Raises `NotEmpty`, or `BadFile` for a line that is no entry, has another hash, or is out of place; what was
    restored before that line stays, and the restore can be taken up with a sound file.
    """
    held = log.head().next_position
    if held and not log.is_restoring():
        raise NotEmpty(held)
    size = path.stat().st_size if path.exists() else 0
    imports: set[str] = set()
    live_from: int | None = None
    done = read = 0
    batch: list[tuple[Record, bytes]] = []
    for number, line in _lines(path):
        record, entry = _parsed(path, number, line, done)
        read += len(line)
        if isinstance(record.event.data, HistoryImported):
            imports.add(record.event.id)
        elif live_from is None and record.event.causation not in imports:
            live_from = record.position
        batch.append((record, entry))
        done += 1
        if len(batch) == BATCH:
            _put_back(log, path, batch, held, live_from)
            batch = []
            progress(read, size)
    if batch:
        _put_back(log, path, batch, held, live_from)
    progress(size, size)
    if done < held:
        raise NotEmpty(held)
    return done


def _put_back(log: Log, path: Path, batch: list[tuple[Record, bytes]], held: int, live_from: int | None) -> None:
    """The batch is in the log: what an earlier try left there is compared, the rest is put in."""
    first, last = batch[0][0].position, batch[-1][0].position
    for position, entry in log.entries(first, min(held, last + 1)):
        if entry != batch[position - first][1]:
            raise NotEmpty(held)
    missing = [(record, entry) for record, entry in batch if record.position >= held]
    if missing:
        log.restore(missing, live_from, lambda position, reason: BadFile(str(path), position + 1, reason))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, 1)
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error


def _parsed(path: Path, number: int, line: bytes, position: int) -> tuple[Record, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadFile(str(path), number, "not a line of an export, or not a whole one")
    entry, leaf, given = match[1], match[2].decode(), int(match[3])
    if given != position:
        raise BadFile(str(path), number, f"position {given} stands where {position} belongs")
    if leaf_hash(entry).hex() != leaf:
        raise BadFile(
            str(path), number, f"the entry at position {position} does not have the leaf hash that it is given"
        )
    try:
        return decode_entry(position, entry), entry
    except LedgerError as error:
        raise BadFile(str(path), number, str(error)) from error
