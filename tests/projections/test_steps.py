"""Each step of a stream leaves a projection where all records so far, taken at once, would have left it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.attribution.histories import History
from tests.attribution.random_histories import any_histories, possible
from tests.support.effort import examples

from ledger.domain import events as ev
from ledger.domain import task as tasks
from ledger.domain.events import Event, Record
from ledger.domain.task import Task
from ledger.domain.times import zone_of
from ledger.domain.values import Deadline
from ledger.projections import all_projections
from ledger.projections.base import Projection, Step

PROJECTIONS = [each for each in all_projections(zone_of("Asia/Ho_Chi_Minh")) if each.of_task]


def with_requests(event: Event, random: Random) -> Event:
    """Some of what does not matter here is an asking or an answer instead, and extensions may be answers."""
    data, request = event.data, random.choice("rs")
    if isinstance(data, ev.DeadlineExtended):
        return replace(event, data=replace(data, request=random.choice((None, "r", "s"))))
    if isinstance(data, ev.OfficerNamed | ev.BlockerConfirmed):
        asked = ev.ExtensionRequested(request=request, new_deadline=Deadline(event.day), grounds=(), reason=None)
        return replace(event, data=asked)
    if isinstance(data, ev.BlockerRejected):
        return replace(event, data=ev.ExtensionRefused(request=request, reason=None))
    return event


def check_every_step(history: History, seed: int) -> None:
    random = Random(seed)
    states = {projection.name: projection.initial() for projection in PROJECTIONS}
    records: list[Record] = []
    task: Task | None = None
    for place, original in zip(history.places, history.task.events, strict=True):
        event = with_requests(original, random)
        records.append(Record(place.position, 1_741_000_000_000_000 + place.position, event))
        before, task = task, tasks.evolve(task, event, history.code)
        for projection in PROJECTIONS:
            if type(event.data) in projection.reads:
                states[projection.name], _ = projection.apply(
                    states[projection.name], Step(records[-1], records, before, task)
                )
            check_as_at_once(projection, states[projection.name], Step(records[-1], records, None, task))


def check_as_at_once(projection: Projection, state: object, step: Step) -> None:
    assert state == projection.resume(step), f"{projection.name} after {step.record.event.type}"


@examples(150)
@given(history=possible, seed=st.integers(0, 2**32))
def test_a_step_leaves_what_all_records_leave(history: History, seed: int) -> None:
    check_every_step(history, seed)


@examples(100)
@given(history=any_histories, seed=st.integers(0, 2**32))
def test_a_step_leaves_what_all_records_leave_however_impossible(history: History, seed: int) -> None:
    check_every_step(history, seed)
