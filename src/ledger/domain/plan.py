"""The plan aggregate: a directive, resolution or programme, and its items (pillars, phases, lines)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain.commands import PlanItem
from ledger.domain.events import Event
from ledger.domain.rules import Known, Moment, check_moment, check_references
from ledger.errors import Refused


class PlanSituation(Struct, frozen=True):
    """A plan's items, by code, from the end of local day `since` on."""

    since: dt.date
    items: Mapping[str, PlanItem]


class Plan(Struct, frozen=True):
    """All that is known of a plan; `segments` run in the order in which things happened."""

    code: str
    title: str
    authority: str
    events: tuple[Event, ...]
    segments: tuple[PlanSituation, ...]

    @property
    def version(self) -> int:
        """The version of the last event recorded."""
        return len(self.events)

    def situation(self, on: dt.date) -> PlanSituation | None:
        """The plan at the end of local day `on`, or None before it was adopted."""
        return next((s for s in reversed(self.segments) if s.since <= on), None)


def fold(code: str, events: Iterable[Event]) -> Plan | None:
    """The plan after all `events` of its stream, in version order; None when there are none."""
    plan: Plan | None = None
    for event in events:
        plan = evolve(plan, event, code)
    return plan


def evolve(plan: Plan | None, event: Event, code: str) -> Plan:
    """The plan after one more event of its stream; events take effect by local day, then by version."""
    events = (event,) if plan is None else (*plan.events, event)
    first, *rest = events
    if not isinstance(first.data, ev.PlanAdopted):
        raise TypeError(f"stream {first.stream} begins with {first.type}, not with plan.adopted")
    now = PlanSituation(first.day, {item.code: item for item in first.data.items})
    segments = [now]
    for later in sorted(rest, key=lambda e: (max(e.day, first.day), e.version)):
        if not isinstance(later.data, ev.PlanAmended):
            continue
        kept = {code: item for code, item in now.items.items() if code not in later.data.withdrawn}
        now = PlanSituation(max(later.day, first.day), kept | {item.code: item for item in later.data.items})
        if segments[-1].since == now.since:
            segments.pop()
        segments.append(now)
    return Plan(code, first.data.title, first.data.authority, events, tuple(segments))


def decide(
    plan: Plan | None, code: str, command: cmd.PlanCommand, moment: Moment, known: Known
) -> tuple[ev.EventData, ...]:
    """The events that record the command; raises `Refused`, naming the field, when it may not be recorded."""
    check_moment(moment)
    check_references(command, moment, known)
    if isinstance(command, cmd.AdoptPlan):
        if plan is not None:
            raise Refused("plan_exists", "plan", f"plan {code} is already adopted")
        _check_items({}, command.items)
        return (
            ev.PlanAdopted(
                title=command.title,
                authority=command.authority or moment.acting_unit,
                document=command.document,
                items=command.items,
            ),
        )
    if plan is None:
        raise Refused("unknown_plan", "plan", f"plan {code} is not adopted yet")
    now = plan.situation(moment.day)
    if now is None:
        raise Refused("before_adoption", "effective_at", f"plan {code} was adopted after {moment.day}")
    for index, item in enumerate(command.withdrawn):
        if item not in now.items:
            raise Refused("unknown_item", f"data.withdrawn[{index}]", f"the plan has no item {item}")
    _check_items({c: i for c, i in now.items.items() if c not in command.withdrawn}, command.items)
    return (
        ev.PlanAmended(
            document=command.document, reason=command.reason, items=command.items, withdrawn=command.withdrawn
        ),
    )


def _check_items(kept: Mapping[str, PlanItem], items: tuple[PlanItem, ...]) -> None:
    """No code twice, every parent there, no item above itself; raises `Refused` with the item's index otherwise."""
    merged = dict(kept)
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.code in seen:
            raise Refused("repeated_item", f"data.items[{index}].code", f"item {item.code} is given twice")
        seen.add(item.code)
        merged[item.code] = item
    for index, item in enumerate(items):
        if item.parent is not None and item.parent not in merged:
            raise Refused("unknown_item", f"data.items[{index}].parent", f"the plan has no item {item.parent}")
        above, parent = {item.code}, item.parent
        while parent is not None and parent in merged:
            if parent in above:
                raise Refused("circular_items", f"data.items[{index}].parent", f"item {item.code} lies under itself")
            above.add(parent)
            parent = merged[parent].parent
