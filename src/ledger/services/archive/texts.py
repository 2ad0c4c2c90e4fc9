"""The texts in an archive: beside the entries, which have only references to them, a file a bundle.

Unlike everything else in an archive these files can shrink: a text that is erased is gone from the next export on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from ledger.domain.texts import Opening, Openings
from ledger.domain.values import Classification
from ledger.merkle.tiles import TILE_WIDTH, Tile
from ledger.services.archive.layout import ArchiveError, is_index
from ledger.store.entry_texts import CLASSIFICATIONS

FOLDER = "texts"
HIGHEST = f"{FOLDER}/highest-class"
"""Up to which classification the archive has texts: one word and a line feed, for as long as the archive lives."""


class _Line(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    position: int
    texts: dict[str, Opening]


_decoder = msgspec.json.Decoder(_Line)
_encoder = msgspec.json.Encoder(order="sorted")


def path_of(index: int) -> str:
    """Where the texts of a bundle lie, if it has any: `texts/<N>`, the index written as a tile's is."""
    return Tile(0, index).path.replace("tile/0", FOLDER)


def encode(texts: Mapping[int, Openings]) -> bytes:
    """`{"position":…,"texts":{…}}` and a line feed for each entry that has any, in order: canonical JSON."""
    return _encoder.encode_lines(
        [_Line(position, dict(texts[position])) for position in sorted(texts) if texts[position]]
    )


def decode(path: str, index: int, content: bytes) -> dict[int, dict[str, Opening]]:
    """The inverse of `encode`, for the bundle of that index. Raises `ArchiveError` for any other bytes."""
    try:
        lines = _decoder.decode_lines(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveError(path, f"a line is not one of texts: {error}") from error
    before = index * TILE_WIDTH - 1
    for line in lines:
        if line.position // TILE_WIDTH != index:
            raise ArchiveError(path, "it is not of this file's entries", line.position)
        if line.position <= before or not line.texts:
            raise ArchiveError(path, "its lines are not in their order, or one is empty", line.position)
        before = line.position
    if _encoder.encode_lines(lines) != content:
        raise ArchiveError(path, "its lines are not in the form in which they are written")
    return {line.position: line.texts for line in lines}


def highest_class(folder: Path) -> Classification | None:
    """Up to which classification the archive has texts; None for one without any. Raises `ArchiveError`."""
    try:
        content = (folder / HIGHEST).read_bytes()
    except FileNotFoundError:
        if (folder / FOLDER).exists():
            raise ArchiveError(HIGHEST, "it is not there, and there are texts") from None
        return None
    for each in CLASSIFICATIONS:
        if content == each.encode() + b"\n":
            return each
    raise ArchiveError(HIGHEST, f"it says none of {', '.join(CLASSIFICATIONS)}")


def read(folder: Path, index: int) -> dict[int, dict[str, Opening]]:
    """By position: what the archive has to open the entries of a bundle. Raises `ArchiveError`."""
    path = path_of(index)
    try:
        return decode(path, index, (folder / path).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArchiveError(path, error.strerror or str(error)) from error


def check_names(folder: Path) -> None:
    """Nothing lies among the texts that is none of their files. Raises `ArchiveError`."""
    for path in (folder / FOLDER).rglob("*"):
        name = path.relative_to(folder / FOLDER).as_posix()
        if path.is_file() and not is_index(name) and f"{FOLDER}/{name}" != HIGHEST:
            raise ArchiveError(f"{FOLDER}/{name}", "not the name of a file of texts")
