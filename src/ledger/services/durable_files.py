"""Files that are whole or not there, whatever dies: written beside, synced, renamed, the folder synced."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_synced(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """The content is on disk under that name, which nobody may rely on yet. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """The file holds the content, on disk; until then it holds what it held before. Raises OSError."""
    part = _beside(path)
    try:
        write_synced(part, content, mode=mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def create(path: Path, content: bytes, *, mode: int) -> None:
    """The file is there with the content, on disk. Raises FileExistsError when there was one, which stays; OSError."""
    part = _beside(path)
    try:
        write_synced(part, content, mode=mode)
        os.link(part, path)  # unlike a rename, it never replaces
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """What was written to the file is on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """The names in the folder are on disk. Raises OSError."""
    sync_file(folder)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
