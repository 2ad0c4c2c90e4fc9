"""Archives of any size without a database, from the definition of the tree and not from the product's tiles."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from ledger.merkle import checkpoints
from ledger.merkle.checkpoints import Checkpoint
from ledger.merkle.note_keys import SignerKey

KEY = SignerKey("example.org/made", b"k" * 32)


def entry(position: int) -> bytes:
    """An entry unlike any other."""
    return b"entry %d" % position


@cache
def root(start: int, end: int) -> bytes:
    """MTH(D[start:end]) of RFC 6962, section 2.1."""
    size = end - start
    if size <= 1:
        return sha256(b"\x00" + entry(start)).digest() if size else sha256(b"").digest()
    k = 1 << ((size - 1).bit_length() - 1)
    return sha256(b"\x01" + root(start, start + k) + root(start + k, end)).digest()


def note(size: int) -> bytes:
    """The signed checkpoint of that size."""
    return bytes(checkpoints.sign(Checkpoint(KEY.name, size, root(0, size)), KEY))


def make(folder: Path, size: int, past: Sequence[int] = ()) -> None:
    """The archive of so many entries is in the folder, with these checkpoints besides its own."""
    _write(folder / "checkpoint", note(size))
    for each in (*past, size):
        _write(folder / "checkpoints" / _index(each), note(each))
        _tiles(folder, each, size)


def _tiles(folder: Path, size: int, of: int) -> None:
    """The tiles of a tree of that size, without the partial ones that are full in one of size `of`."""
    level = 0
    while size >> (8 * level):
        count = size >> (8 * level)
        for first in range(0, count, 256):
            width = min(256, count - first)
            if width < 256 and first + 256 <= of >> (8 * level):
                continue
            name = _index(first // 256) + ("" if width == 256 else f".p/{width}")
            span = 256**level
            if not (folder / "tile" / str(level) / name).exists():
                hashes = (root(n * span, (n + 1) * span) for n in range(first, first + width))
                _write(folder / "tile" / str(level) / name, b"".join(hashes))
                if level == 0:
                    entries = map(entry, range(first, first + width))
                    _write(folder / "tile" / "entries" / name, b"".join(len(e).to_bytes(2, "big") + e for e in entries))
        level += 1


def _index(number: int) -> str:
    digits = f"{number:03d}"
    digits = "0" * (-len(digits) % 3) + digits
    groups = [digits[n : n + 3] for n in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
