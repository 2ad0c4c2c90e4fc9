"""Spans of days: (after, until, value) holds on the days after + 1 … until, written as ordinals.

What an event begins on day a holds from 00:00 on a + 1, so the day of the event is not counted (RULES, Days, 2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

FAR = dt.date.max.toordinal() - 1
"""The end of a span that has none."""


def overlay(left: Sequence[tuple[int, int, A]], right: Sequence[tuple[int, int, B]]) -> Iterator[tuple[int, int, A, B]]:
    """The spans on which both hold, with both values. Each is in order and without overlaps; linear in their number."""
    i = j = 0
    while i < len(left) and j < len(right):
        after, until, a = left[i]
        since, end, b = right[j]
        if max(after, since) < min(until, end):
            yield max(after, since), min(until, end), a, b
        if until <= end:
            i += 1
        if end <= until:
            j += 1
