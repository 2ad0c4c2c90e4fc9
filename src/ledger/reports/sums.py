"""Parts and wholes: what is left over when parts do not sum, and shares of a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledger.reports.base import Row


def residual(total: Row, rows: Sequence[Row], keys: Iterable[str]) -> Row | None:
    """By key, what the total has more than its rows; None when they sum under every key.

    Negative where things are counted in more than one row.
    """
    rest = {key: total[key] - sum(row[key] or 0 for row in rows) for key in keys}
    return rest if any(rest.values()) else None


def percent(part: int, whole: int) -> float | None:
    """The part in per cent of the whole, to one decimal, halves up; None of nothing. Exact: no float is divided."""
    return (part * 2000 + whole) // (2 * whole) / 10 if whole else None
