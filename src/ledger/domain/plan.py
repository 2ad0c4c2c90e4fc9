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
        now = PlanSituation(max(later.day, first.day), _amended(now.items, later.data))
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
    put_in = {item.code for item in command.items}
    for index, code_out in enumerate(command.withdrawn):
        if code_out not in now.items:
            raise Refused("unknown_item", f"data.withdrawn[{index}]", f"the plan has no item {code_out}")
        if code_out in put_in:
            raise Refused(
                "repeated_item", f"data.withdrawn[{index}]", f"item {code_out} is put in and taken out at once"
            )
    kept = {c: item for c, item in now.items.items() if c not in command.withdrawn}
    _check_items(kept, command.items)
    _check_withdrawn(kept | {item.code: item for item in command.items}, command.withdrawn)
    amended = ev.PlanAmended(
        document=command.document, reason=command.reason, items=command.items, withdrawn=command.withdrawn
    )
    _check_later(plan, now, amended, moment.day)
    return (amended,)


def _check_withdrawn(left: Mapping[str, PlanItem], withdrawn: tuple[str, ...]) -> None:
    """No item that is left lies under one that goes; raises `Refused` with the index of the latter otherwise."""
    below = {item.parent: item.code for item in left.values()}
    for index, gone in enumerate(withdrawn):
        if gone in below:
            raise Refused("item_has_items", f"data.withdrawn[{index}]", f"item {below[gone]} lies under item {gone}")


def _check_later(plan: Plan, now: PlanSituation, amended: ev.PlanAmended, day: dt.date) -> None:
    """The amendments of later days still leave a tree; raises `Refused`, naming the first that does not, otherwise."""
    items = _amended(now.items, amended)
    for later in sorted(plan.events[1:], key=lambda event: (event.day, event.version)):
        if later.day <= day or not isinstance(later.data, ev.PlanAmended):
            continue
        items = _amended(items, later.data)
        if not _is_tree(items):
            raise Refused(
                "contradicts_later",
                "effective_at",
                f"the amendment of {later.day} (version {later.version}) would then leave an item without its parent",
            )


def _amended(items: Mapping[str, PlanItem], data: ev.PlanAmended) -> dict[str, PlanItem]:
    kept = {code: item for code, item in items.items() if code not in data.withdrawn}
    return kept | {item.code: item for item in data.items}


def _is_tree(items: Mapping[str, PlanItem]) -> bool:
    """Every parent is there, and no item lies under itself."""
    roots: set[str | None] = {None}
    waiting = dict(items)
    while waiting:
        placed = {code for code, item in waiting.items() if item.parent in roots}
        if not placed:
            return False
        roots |= placed
        waiting = {code: item for code, item in waiting.items() if code not in placed}
    return True


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
