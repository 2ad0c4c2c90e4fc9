"""The event stream as a file: every entry's exact bytes with its position and leaf hash, and back again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.errors import BadFile
from ledger.merkle.hashing import leaf_hash
from ledger.services.durable_files import sync_folder
from ledger.services.refill import Refill
from ledger.store.log import Log

PROGRESS_STEP = 1_000
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
        sync_folder(path.parent)
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
    return stop


def restore(log: Log, path: Path, progress: Progress) -> int:
    """The ledger holds the file's entries at the same positions with the same leaf hashes; returns their number.

    Only into an empty ledger, or one in which a restore of the same file was interrupted: then it goes on there.
    Raises `NotEmpty`, or `BadFile` for a line that is no entry, has another hash, or is out of place; what was
    restored before that line stays, and the restore can be taken up with a sound file.
    """
    refill = Refill(log, lambda position, reason: BadFile(str(path), position + 1, reason))
    size = path.stat().st_size if path.exists() else 0
    read = 0
    for position, line in enumerate(_lines(path)):
        refill.add(_entry(path, position, line))
        read += len(line)
        if position % PROGRESS_STEP == 0:
            progress(read, size)
    progress(size, size)
    return refill.finish()


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error


def _entry(path: Path, position: int, line: bytes) -> bytes:
    """The entry that the line holds for that position; raises `BadFile` when it is not one, or another."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadFile(str(path), position + 1, "not a line of an export, or not a whole one")
    entry, leaf, given = match[1], match[2].decode(), int(match[3])
    if given != position:
        raise BadFile(str(path), position + 1, f"position {given} stands where {position} belongs")
    if leaf_hash(entry).hex() != leaf:
        reason = f"the entry at position {position} does not have the leaf hash that it is given"
        raise BadFile(str(path), position + 1, reason)
    return entry
