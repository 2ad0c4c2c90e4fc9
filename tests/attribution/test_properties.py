"""What must hold for every history: the laws of RULES that one task can state, and equality with the reference."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.attribution import (
    AFFECTS_CHARGES,
    BaselineKind,
    Epoch,
    Run,
    attribute,
    attribute_both,
    charges,
    epoch_on,
    slip,
)
from ledger.attribution.spans import FAR
from ledger.attribution.timeline import read_timeline
from ledger.domain import events as ev
from ledger.domain.calendar import working_days
from ledger.domain.task import evolve, fold

from .histories import History
from .random_histories import START, any_histories, possible
from .reference import Day, Reference

MANY = int(os.environ.get("ATTRIBUTION_EXAMPLES", "300"))
"""Examples a property; ATTRIBUTION_EXAMPLES=20000 for a long search."""
many = settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.too_slow])
few = settings(max_examples=max(1, MANY // 2), deadline=None, suppress_health_check=[HealthCheck.too_slow])

KINDS: tuple[BaselineKind, ...] = ("active", "original")
VIET_NAM = working_days("VN", None)
DAY = dt.timedelta(days=1)
kinds = st.sampled_from(KINDS)
offsets = st.lists(st.integers(-3, 110), max_size=2)


def moments(history: History, epochs: tuple[Epoch, ...], offsets: list[int]) -> list[dt.date]:
    """Days worth asking for: where epochs begin and the day before, one after all events, random ones."""
    days = {START + offset * DAY for offset in offsets}
    for epoch in epochs:
        days |= {epoch.on_from - DAY, epoch.on_from}
    days.add(history.task.latest + 9 * DAY)
    return sorted(days)


def by_day(epoch: Epoch | None, on: dt.date) -> dict[dt.date, Day]:
    """Every slip day up to `on`, with what is charged."""
    return {day: _label(run) for run, day in run_days(epoch, on)} if epoch is not None else {}


def run_days(epoch: Epoch, on: dt.date) -> Iterator[tuple[Run, dt.date]]:
    for run in epoch.runs:
        day = run.day_from
        while day <= on and (run.day_to is None or day < run.day_to):
            yield run, day
            day += DAY


def _label(run: Run) -> Day:
    lost = frozenset((c.unit, c.cause, c.ref) for c in run.concurrent)
    return Day(run.unit, run.cause, run.ref, run.through_ground, run.evidence, lost)


def check_against_reference(history: History, kind: BaselineKind, offsets: list[int]) -> None:
    epochs = attribute(history.task, history.places, kind)
    for on in moments(history, epochs, offsets):
        expected = Reference(history.task, history.places, kind, on) if on >= START else None
        epoch = epoch_on(epochs, on)
        assert (epoch is None) == (expected is None)
        if epoch is not None and expected is not None:
            assert epoch.baseline == expected.baseline, on
            assert by_day(epoch, on) == expected.days(), on


@given(possible, kinds, offsets)
@many
def test_every_day_is_charged_as_by_the_reference(history: History, kind: BaselineKind, offsets: list[int]) -> None:
    check_against_reference(history, kind, offsets)


@given(any_histories, kinds, offsets)
@many
def test_events_that_lost_their_ground_count_for_nothing(
    history: History, kind: BaselineKind, offsets: list[int]
) -> None:
    check_against_reference(history, kind, offsets)


@given(any_histories, kinds)
@few
def test_epochs_follow_each_other_without_gaps_and_differ(history: History, kind: BaselineKind) -> None:
    epochs = attribute(history.task, history.places, kind)
    assert epochs[0].on_from == history.task.assigned_on
    assert [epoch.on_to for epoch in epochs] == [*(epoch.on_from for epoch in epochs[1:]), None]
    for before, after in pairwise(epochs):
        assert before.on_from < after.on_from
        last = after.on_from - DAY
        assert before.baseline != after.baseline or by_day(before, last) != by_day(after, last)


@given(any_histories, kinds)
@few
def test_runs_are_the_longest_and_lie_after_the_baseline(history: History, kind: BaselineKind) -> None:
    for epoch in attribute(history.task, history.places, kind):
        if epoch.baseline is None:
            assert epoch.runs == ()
            continue
        end, label = epoch.baseline.last_day + DAY, None
        for run in epoch.runs:
            assert run.day_from >= max(end, history.task.assigned_on + DAY)
            assert run.day_to is None or run.day_from < run.day_to
            assert (run.day_from, _label(run)) != (end, label), "two runs that are one"
            assert epoch.on_to is None or (run.day_to is not None and run.day_to <= epoch.on_to)
            end, label = run.day_to or dt.date.max, _label(run)
        closed = history.task.segments[-1].situation.is_closed
        if epoch.on_to is None:
            assert closed == (not epoch.runs or epoch.runs[-1].day_to is not None)


@given(possible, kinds, offsets)
@few
def test_charges_sum_to_the_days_open_after_the_baseline(
    history: History, kind: BaselineKind, offsets: list[int]
) -> None:
    task = history.task
    epochs = attribute(task, history.places, kind)
    for on in moments(history, epochs, offsets):
        epoch = epoch_on(epochs, on)
        if epoch is None or epoch.baseline is None:
            continue
        slipped = []
        day = max(epoch.baseline.last_day, task.assigned_on) + DAY
        while day <= on:
            situation = task.situation(day - DAY)
            if situation is not None and not situation.is_closed:
                slipped.append(day)
            day += DAY
        total = slip(epoch, on, VIET_NAM)
        assert total.calendar_days == len(slipped)
        assert total.working_days == sum(map(VIET_NAM.is_working, slipped))
        charged = charges(epoch, on, VIET_NAM)
        assert sum(charge.calendar_days for charge in charged) == total.calendar_days
        assert sum(charge.working_days for charge in charged) == total.working_days


@given(possible, kinds)
@few
def test_finish_less_baseline_is_slip_and_the_days_closed_in_between(history: History, kind: BaselineKind) -> None:
    last = history.task.segments[-1].situation
    epoch = attribute(history.task, history.places, kind)[-1]
    if last.life != "done" or last.closed_on is None or epoch.baseline is None:
        return
    finish, baseline = last.closed_on, epoch.baseline.last_day
    if finish <= baseline or baseline < history.task.assigned_on:
        return
    closed, day = 0, baseline + DAY
    while day <= finish:
        situation = history.task.situation(day - DAY)
        closed += situation is not None and situation.is_closed
        day += DAY
    assert (finish - baseline).days == slip(epoch, finish + 400 * DAY, VIET_NAM).calendar_days + closed


@given(possible, kinds, offsets)
@few
def test_charges_group_the_days_of_the_reference(history: History, kind: BaselineKind, offsets: list[int]) -> None:
    epochs = attribute(history.task, history.places, kind)
    for on in moments(history, epochs, offsets)[-2:]:
        epoch = epoch_on(epochs, on)
        if epoch is None:
            continue
        expected: dict[Any, list[tuple[dt.date, Day]]] = {}
        for day, label in Reference(history.task, history.places, kind, on).days().items():
            expected.setdefault(label[:4], []).append((day, label))
        found = charges(epoch, on, VIET_NAM)
        keys = [(c.unit, c.cause, c.ref or "", c.through_ground) for c in found]
        assert keys == sorted(keys)
        assert {(c.unit, c.cause, c.ref, c.through_ground) for c in found} == set(expected)
        for charge in found:
            days = expected[charge.unit, charge.cause, charge.ref, charge.through_ground]
            assert spread(charge.days) == [day for day, _ in days]
            assert charge.evidence == tuple(sorted({position for _, label in days for position in label.evidence}))
            lost = {(c.unit, c.cause, c.ref): spread(c.days) for c in charge.concurrent}
            names = {name for _, label in days for name in label.concurrent}
            assert lost == {name: [day for day, label in days if name in label.concurrent] for name in names}


def spread(ranges: tuple[tuple[dt.date, dt.date], ...]) -> list[dt.date]:
    """The days of the ranges, which never touch."""
    for (_, last), (first, _) in pairwise(ranges):
        assert last + DAY < first
    return [first + n * DAY for first, last in ranges for n in range((last - first).days + 1)]


@given(any_histories, kinds, offsets)
@few
def test_evidence_stands_and_had_happened_by_the_day_asked_for(
    history: History, kind: BaselineKind, offsets: list[int]
) -> None:
    events = {place.position: event for place, event in zip(history.places, history.task.events, strict=True)}
    epochs = attribute(history.task, history.places, kind)
    for on in moments(history, epochs, offsets):
        for label in by_day(epoch_on(epochs, on), on).values():
            assert label.evidence == tuple(sorted(set(label.evidence)))
            assert label.evidence
            for position in label.evidence:
                event = events[position]
                assert event.version not in history.task.retracted
                assert event.day <= on or isinstance(event.data, ev.BlockerConfirmed)


@given(any_histories)
@few
def test_timeline_tells_the_situations_of_the_domain(history: History) -> None:
    """Both fold the same events; the timeline knows besides which of them began what."""
    timeline = read_timeline(history.task, history.places)
    until = [since for since, _ in timeline.standings[1:]]
    for (since, standing), end in zip(timeline.standings, [*until, FAR], strict=True):
        for day in {since, end - 1}:
            situation = history.task.situation(dt.date.fromordinal(day))
            assert situation is not None
            assert standing.lead == situation.lead
            assert standing.suspended_by == situation.suspended_by
            assert (standing.phase == "closed") == situation.is_closed
            assert (standing.phase == "review") == (situation.life == "submitted")
    assert timeline.standings[0][0] == history.task.assigned_on.toordinal()


@given(any_histories)
@few
def test_what_does_not_affect_charges_does_not(history: History) -> None:
    task = history.task
    if task.version == 1 or type(task.events[-1].data) in AFFECTS_CHARGES:
        return
    before = fold(task.code, task.events[:-1])
    assert before is not None
    for kind in KINDS:
        assert attribute(task, history.places, kind) == attribute(before, history.places[:-1], kind)


@given(any_histories)
@few
def test_both_baselines_at_once_are_as_one_by_one(history: History) -> None:
    both = attribute_both(history.task, history.places)
    assert both.active == attribute(history.task, history.places, "active")
    assert both.original == attribute(history.task, history.places, "original")


@given(possible)
@few
def test_every_prefix_of_the_log_is_answered_from_that_prefix_alone(history: History) -> None:
    """The read model attributes after each event; a replay of the prefix must say the same."""
    growing = None
    for version, event in enumerate(history.task.events, 1):
        growing = evolve(growing, event, "T1")
        replayed = fold("T1", history.task.events[:version])
        assert replayed is not None
        places = history.places[:version]
        assert attribute_both(growing, places) == attribute_both(replayed, places)
