"""A task's days with their labels, as if no extension had been given: for every baseline and every day alike."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from ledger.attribution.labels import Claim, Label, label_of
from ledger.attribution.spans import FAR, overlay
from ledger.attribution.timeline import BlockerSpan, Timeline

Stretch = tuple[int, int, Label | None]
"""A span; None while the task is closed."""


def stretches(timeline: Timeline, after: int) -> list[Stretch]:
    """The labels of the days after day `after`, in order and without gaps; the last stretch ends at FAR."""
    standings = timeline.standings
    since = [day for day, _ in standings]
    until = [*since[1:], FAR]
    held = [(s, u, standing) for s, u, (_, standing) in zip(since, until, standings, strict=True) if u > after]
    blockers = [span for span in timeline.blockers if span.until > after]
    if not blockers:
        return [(s, u, label_of(standing, ())) for s, u, standing in held]
    return [
        (s, u, label_of(standing, claims))
        for s, u, standing, claims in overlay(held, _blocked(blockers, max(after, timeline.assigned)))
    ]


def _blocked(blockers: Sequence[BlockerSpan], after: int) -> list[tuple[int, int, list[Claim]]]:
    """The claims of the blockers that are open, the one with precedence first, from day `after` to FAR without gaps."""
    waiting = sorted(blockers, key=lambda span: span.after, reverse=True)
    open_now: list[BlockerSpan] = []
    found = []
    while after < FAR:
        open_now = [span for span in open_now if span.until > after]
        while waiting and waiting[-1].after <= after:
            insort(open_now, waiting.pop(), key=lambda span: span.rank)
        until = min([span.until for span in open_now], default=FAR)
        if waiting:
            until = min(until, waiting[-1].after)
        found.append((after, until, [span.claim for span in open_now]))
        after = until
    return found
