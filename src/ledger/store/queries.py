"""SQL statements from .sql files, by name."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load(package: str, file: str) -> dict[str, bytes]:
    """The statements of one .sql file of a package; each stands under a line `-- name: <its name>`."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: statement.strip().encode() for name, statement in zip(parts[::2], parts[1::2], strict=True)}
