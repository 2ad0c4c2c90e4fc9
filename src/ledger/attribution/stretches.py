"""A task's days with their labels, as if no extension had been given: for every baseline and every day alike."""

from __future__ import annotations

from bisect import insort

from ledger.attribution.labels import Label, label_of
from ledger.attribution.spans import FAR, overlay
from ledger.attribution.timeline import BlockerSpan, Timeline

Stretch = tuple[int, int, Label | None]
"""A span; None while the task is closed."""


def stretches(timeline: Timeline, after: int) -> list[Stretch]:
    """The stretches that reach beyond day `after`, in order and without gaps; the last one ends at FAR."""
    since = [day for day, _ in timeline.standings]
    until = [*since[1:], FAR]
    held = [(s, u, standing) for s, u, (_, standing) in zip(since, until, timeline.standings, strict=True) if u > after]
    if not timeline.blockers:
        return [(s, u, label_of(standing, ())) for s, u, standing in held]
    return [
        (s, u, label_of(standing, [span.claim for span in spans]))
        for s, u, standing, spans in overlay(held, _blocked(timeline))
        if u > after
    ]


def _blocked(timeline: Timeline) -> list[tuple[int, int, list[BlockerSpan]]]:
    """The blockers that are open, the one with precedence first, from the assignment to FAR without gaps."""
    waiting = timeline.blockers[::-1]
    open_now: list[BlockerSpan] = []
    found = []
    after = timeline.assigned
    while after < FAR:
        open_now = [span for span in open_now if span.until > after]
        while waiting and waiting[-1].after <= after:
            insort(open_now, waiting.pop(), key=lambda span: span.rank)
        until = min((span.until for span in open_now), default=FAR)
        if waiting:
            until = min(until, waiting[-1].after)
        found.append((after, until, open_now))
        after = until
    return found
