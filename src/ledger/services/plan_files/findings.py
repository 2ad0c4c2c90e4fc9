"""What is to be said about a place in a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """A fault or a doubt. An error keeps the file from being taken in; a warning does not."""

    severity: Severity
    sheet: str | None
    row: int | None
    """As a spreadsheet counts, from 1; None when the sheet as a whole is meant."""
    column: str | None
    """The heading as the file has it."""
    reason: str

    @property
    def place(self) -> str:
        """Where it is, in words."""
        parts = [f"sheet {self.sheet}"] if self.sheet is not None else []
        parts += [f"row {self.row}"] if self.row is not None else []
        parts += [f"column {self.column}"] if self.column is not None else []
        return ", ".join(parts) or "the file"

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.reason}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether the file may not be taken in."""
    return any(finding.severity == "error" for finding in findings)
