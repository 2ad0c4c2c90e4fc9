"""The event stream as a file: every entry's exact bytes with its position and leaf hash, and back again."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ledger.domain.texts import Opening
from ledger.domain.values import Classification
from ledger.errors import BadFile
from ledger.merkle.hashing import leaf_hash
from ledger.services.durable_files import sync_folder
from ledger.services.exported_texts import ALL, ExportedTexts, TextsOf, check_class, check_none_erased
from ledger.services.ledger import Ledger
from ledger.services.refill import Refill
from ledger.store.entry_texts import CLASSIFICATIONS
from ledger.store.locale import Locale, locale_json, read_locale
from ledger.store.log import Log
from ledger.store.texts import TextStore, openings_json, read_openings

PROGRESS_STEP = 1_000
Progress = Callable[[int, int], None]
"""Called with (done, total)."""

_LINE = re.compile(
    rb'\{"entry":(\{.*\}),"leaf":"([0-9a-f]{64})"(?:,"locale":(\{[^{}]*\}))?,"position":(0|[1-9][0-9]{0,17})'
    rb'(?:,"texts":(\{.*\}))?(?:,"withheld":"([a-z_]+)")?\}\n?',
    re.DOTALL,
)


def export_line(position: int, entry: bytes, texts: TextsOf | None = None, locale: Locale | None = None) -> bytes:
    """`{"entry":…,"leaf":"…","position":…}` and a line feed: canonical JSON again, with the entry byte for byte.

    Then `texts`, what there is to open its references, and `withheld`, above which classification there is more.
    `locale` stands in the first line: the zone and calendar by which the ledger counts its days.
    """
    days = b',"locale":%b' % locale_json(locale) if locale is not None and position == 0 else b""
    line = b'{"entry":%b,"leaf":"%b"%b,"position":%d' % (entry, leaf_hash(entry).hex().encode(), days, position)
    if texts and texts.openings:
        line += b',"texts":%b' % openings_json(texts.openings)
    if texts and texts.withheld_above:
        line += b',"withheld":"%b"' % texts.withheld_above.encode()
    return line + b"}\n"


def export(log: Log, path: Path, progress: Progress, highest: str = ALL) -> int:
    """The whole log as it is now is in the file; returns the number of entries.

    With the texts of tasks classified up to `highest`. The file appears under its name when it is complete and on disk,
    and not before. Raises `BadFile` when it cannot be written, `IntegrityError` for a text that is not as recorded,
    `BadQuery` for a classification that cannot be had, and `ErasedMeanwhile`.
    """
    store = TextStore(log.database)
    up_to = ALL if highest == ALL else check_class(store, highest)
    outgoing, locale = ExportedTexts(store, up_to), log.locale()
    stop = log.head().next_position
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            for batch in log.entries_in_batches(0, stop):
                texts = outgoing.of(batch)
                file.writelines(export_line(position, entry, texts.get(position), locale) for position, entry in batch)
                progress(batch[-1][0] + 1, stop)
            file.flush()
            os.fsync(file.fileno())
        check_none_erased(log, stop)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise BadFile(str(path), None, error.strerror or str(error)) from error
    return stop


def restore(ledger: Ledger, path: Path, progress: Progress) -> int:
    """The ledger holds the file's entries at the same positions with the same leaf hashes; returns their number.

    It counts its days as the one that was exported.

    Only into an empty ledger, or one in which a restore of the same file was interrupted: then it goes on there.
    Raises `NotEmpty`, `SettingsError` when it is told to count days otherwise, or `BadFile` for a line that is no
    entry, has another hash, or is out of place; what was restored before that line stays, and the restore can be taken
    up with a sound file.
    """
    refill = Refill(ledger.log, lambda position, reason: BadFile(str(path), position + 1, reason))
    size = path.stat().st_size if path.exists() else 0
    read = 0
    for position, line in enumerate(_lines(path)):
        entry, openings, withheld, locale = _entry(path, position, line)
        if locale is not None:
            ledger.take_locale(locale)
        refill.add(entry, openings, withheld)
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


def _entry(
    path: Path, position: int, line: bytes
) -> tuple[bytes, dict[str, Opening], Classification | None, Locale | None]:
    """(entry, its texts, above what others are withheld, the locale in the first line) of the line for that position.

    Raises `BadFile` when it is not one, or of another position.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadFile(str(path), position + 1, "not a line of an export, or not a whole one")
    entry, leaf, said, given = match[1], match[2].decode(), match[3], int(match[4])
    if given != position:
        raise BadFile(str(path), position + 1, f"position {given} stands where {position} belongs")
    if leaf_hash(entry).hex() != leaf:
        reason = f"the entry at position {position} does not have the leaf hash that it is given"
        raise BadFile(str(path), position + 1, reason)
    try:
        openings = read_openings(match[5]) if match[5] else {}
        locale = read_locale(said) if said else None
    except msgspec.DecodeError as error:
        raise BadFile(str(path), position + 1, str(error)) from error
    if locale is not None and position:
        raise BadFile(str(path), position + 1, "a locale stands in the first line only")
    above = match[6].decode() if match[6] else None
    withheld = next((each for each in CLASSIFICATIONS if each == above), None)
    if withheld != above:
        raise BadFile(str(path), position + 1, f"withheld: {above!r} is not one of {', '.join(CLASSIFICATIONS)}")
    return entry, openings, withheld, locale
