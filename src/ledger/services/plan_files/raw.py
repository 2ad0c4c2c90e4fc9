"""A file as rows of cells, before anything is known of what they mean."""

from __future__ import annotations

import datetime as dt

from msgspec import Struct

Cell = str | float | bool | dt.date | None
"""What a cell holds; a formula's cell holds its stored value, and None when it has none."""
MergedRange = tuple[int, int, int, int]
"""First row, first column, last row, last column; rows from 1 as in `RawRow`, columns from 0."""


class RawRow(Struct, frozen=True):
    """A row that is not blank."""

    number: int
    """As a spreadsheet counts, from 1."""
    cells: tuple[Cell, ...]


class RawSheet(Struct, frozen=True):
    """A sheet's rows that are not blank, in order."""

    name: str | None
    """None for CSV, which has but one."""
    rows: tuple[RawRow, ...]
    merged: tuple[MergedRange, ...] = ()


class RawFile(Struct, frozen=True):
    """A file that was read."""

    name: str
    sha256: str
    sheets: tuple[RawSheet, ...]
