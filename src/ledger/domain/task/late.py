"""What a backdated record must leave room for: the records of the days after it."""

from __future__ import annotations

from ledger.domain import events as ev
from ledger.domain.events import Actor, Event
from ledger.domain.rules import Moment
from ledger.domain.task.evolve import in_effect_order, step
from ledger.domain.task.state import Situation, Task
from ledger.errors import Refused


def check_later(task: Task, now: Situation, data: ev.EventData, moment: Moment) -> None:
    """No record of a later day that counts today comes to count for nothing; raises `Refused`, naming it, otherwise.

    `now` is the situation into which `data` falls. Without this rule a result could be un-accepted by a return dated
    before the acceptance. To put such a record in, retract the later ones first: that leaves a trace.
    """
    if moment.day >= task.latest or isinstance(data, ev.RecordRetracted):
        return
    day = max(moment.day, task.assigned_on)
    before, after = now, step(now, _as_event(task, data, moment))
    for since, event in in_effect_order(task.standing(), task.assigned_on):
        if since <= day:
            continue
        was, then = before, after
        before, after = step(was, event), step(then, event)
        if before is not was and after is then:
            raise Refused(
                "contradicts_later",
                "effective_at",
                f"the {event.type} of {event.day} (version {event.version}) could not have happened after it: "
                "retract that record first, if it is the mistaken one",
            )


def _as_event(task: Task, data: ev.EventData, moment: Moment) -> Event:
    return Event(
        actor=Actor(moment.acting_unit, None),
        causation=None,
        correlation=None,
        data=data,
        effective=moment.day.isoformat(),
        id="",
        stream=task.events[0].stream,
        type=data.type_name,
        v=data.schema_version,
        version=task.version + 1,
    )
