"""Who is charged with which slip days, for every day `on` at once.

Between two epochs lies a day from whose end on earlier days read otherwise: a rebaseline, or an extension that
reaches back. No other event changes the label of a day that came before it, so within an epoch the answer `on` a day
is its runs up to that day.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ledger.attribution.covers import Baseline, BaselineKind, Cover, baselines_and_covers, by_days
from ledger.attribution.debt import Piece, debts_of, spent
from ledger.attribution.labels import Cause, Concurrent
from ledger.attribution.spans import FAR, overlay
from ledger.attribution.stretches import Stretch, stretches
from ledger.attribution.timeline import Places, Timeline, read_timeline
from ledger.domain import events as ev
from ledger.domain.task.state import Task
from ledger.domain.values import Deadline


class Run(Struct, frozen=True):
    """Consecutive slip days, from `day_from` to before `day_to` (None: without end), all with the same label.

    `evidence`: positions of the events that it rests on, in order. `concurrent`: what held as well, and lost.
    """

    day_from: dt.date
    day_to: dt.date | None
    unit: str
    cause: Cause
    ref: str | None
    through_ground: bool
    evidence: tuple[int, ...]
    concurrent: tuple[Concurrent, ...]


class Epoch(Struct, frozen=True):
    """The baseline and the runs that hold for a situation on the days from `on_from` to before `on_to`.

    None: without end. Of the runs, only the days up to the one asked for count.
    """

    on_from: dt.date
    on_to: dt.date | None
    baseline: Deadline | None
    runs: tuple[Run, ...]


class Attribution(Struct, frozen=True):
    """The epochs against both baselines; one object when the task was never rebaselined."""

    active: tuple[Epoch, ...]
    original: tuple[Epoch, ...]


def attribute(task: Task, places: Places, kind: BaselineKind) -> tuple[Epoch, ...]:
    """The epochs of the task against that baseline, without gaps from its assignment on, the last without end.

    `places[i]` is that of `task.events[i]`. O(n log n) in the events and the runs, whatever the number of days.
    """
    settled = _settled(task)
    return settled if settled is not None else _epochs(read_timeline(task, places), (kind,))[0]


def attribute_both(task: Task, places: Places) -> Attribution:
    """As `attribute`, against both baselines, for little more than the price of one."""
    settled = _settled(task)
    if settled is not None:
        return Attribution(settled, settled)
    timeline = read_timeline(task, places)
    if all(change.grounds is not None for change in timeline.changes):
        (epochs,) = _epochs(timeline, ("active",))
        return Attribution(epochs, epochs)
    return Attribution(*_epochs(timeline, ("active", "original")))


def epoch_on(epochs: Sequence[Epoch], on: dt.date) -> Epoch | None:
    """The epoch that holds for a situation on that day, or None before the task was assigned."""
    index = bisect_right(epochs, on, key=lambda epoch: epoch.on_from)
    return epochs[index - 1] if index else None


def _settled(task: Task) -> tuple[Epoch, ...] | None:
    """The one epoch of a task that can have no slip day; None when it takes more to tell."""
    last = task.segments[-1].situation
    baseline = last.baseline
    if baseline is None:
        return (Epoch(task.assigned_on, None, None, ()),)
    in_time = last.closed_on is not None and max(last.closed_on, last.assigned_on) <= baseline.last_day
    if in_time and not any(type(event.data) is ev.Rebaselined for event in task.events):
        return (Epoch(last.assigned_on, None, baseline, ()),)
    return None


def _epochs(timeline: Timeline, kinds: Iterable[BaselineKind]) -> list[tuple[Epoch, ...]]:
    """The epochs against each of those baselines."""
    given = [baselines_and_covers(timeline, kind) for kind in kinds]
    if any(cover.grounds for _, covers in given for cover in covers):
        after = timeline.assigned
    else:
        last_days = (b.deadline.last_day.toordinal() for baselines, _ in given for b in baselines if b.deadline)
        after = min(last_days, default=FAR)
    days = stretches(timeline, after)
    return [_epochs_of(days, baselines, covers) for baselines, covers in given]


def _epochs_of(days: Sequence[Stretch], baselines: Sequence[Baseline], covers: Sequence[Cover]) -> tuple[Epoch, ...]:
    begins = {baseline.since for baseline in baselines}
    begins.update(cover.decided for cover in covers if cover.reaches_back)
    starts = sorted(begins)
    epochs: list[Epoch] = []
    at = 0
    for start, end in zip(starts, (*starts[1:], None), strict=True):
        while at + 1 < len(baselines) and baselines[at + 1].since <= start:
            at += 1
        known = [c for c in covers if c.decided <= start or not c.reaches_back] if len(starts) > 1 else covers
        runs = _runs(days, baselines[at], known, FAR if end is None else end - 1)
        epoch = Epoch(
            dt.date.fromordinal(start), None if end is None else dt.date.fromordinal(end), baselines[at].deadline, runs
        )
        if epochs and _as_before(epochs[-1], epoch):
            epoch = replace(epoch, on_from=epochs.pop().on_from)
        epochs.append(epoch)
    return tuple(epochs)


def _as_before(before: Epoch, epoch: Epoch) -> bool:
    """The later epoch answers for the days of the one before it as well."""
    if before.baseline != epoch.baseline:
        return False
    end = epoch.on_from
    clipped = tuple(
        replace(run, day_to=end) if run.day_to is None or run.day_to > end else run
        for run in epoch.runs
        if run.day_from < end
    )
    return clipped == before.runs


def _runs(days: Sequence[Stretch], baseline: Baseline, covers: Sequence[Cover], last: int) -> tuple[Run, ...]:
    """The runs after the baseline up to day `last`."""
    if baseline.deadline is None:
        return ()
    begin = baseline.deadline.last_day.toordinal()
    pieces: list[Piece] = []
    for after, until, label in islice(days, bisect_right(days, begin, key=_until), None):
        if after >= last:
            break
        if label is not None and begin < last:
            pieces.append((max(after, begin), min(until, last), label))
    if covers and pieces:
        debts = debts_of(covers, days, begin)
        covered = overlay(pieces, by_days(covers))
        pieces = [piece for after, until, label, there in covered for piece in spent(after, until, label, there, debts)]
    return tuple(_run(piece, baseline.position) for piece in _joined(pieces))


def _until(stretch: Stretch) -> int:
    return stretch[1]


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces, with those that touch and have equal labels made one."""
    joined: list[Piece] = []
    for piece in pieces:
        after, until, label = piece
        if joined and joined[-1][1] == after and joined[-1][2] == label:
            joined[-1] = (joined[-1][0], until, label)
        else:
            joined.append(piece)
    return joined


def _run(piece: Piece, baseline_position: int) -> Run:
    after, until, label = piece
    return Run(
        dt.date.fromordinal(after + 1),
        None if until == FAR else dt.date.fromordinal(until + 1),
        label.unit,
        label.cause,
        label.ref,
        label.through_ground,
        tuple(sorted({baseline_position, *label.evidence})),
        label.concurrent,
    )
