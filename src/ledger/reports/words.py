"""What an event says, as one English sentence: the one place where events become words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ledger.domain import events as ev
from ledger.domain.events import EventData
from ledger.domain.values import Deadline, Document, Ground, percent_text


def describe(data: EventData) -> str:
    """The sentence for the event; what people wrote by way of reason follows it after a colon."""
    absent, bare = _WITHOUT.get(type(data), ("", ""))
    template = bare if absent and not getattr(data, absent) else _SENTENCES[type(data)]
    sentence = template.format_map(_words(data))
    said = " ".join(str(getattr(data, _SAID.get(type(data), "reason"), None) or "").split())
    if said:
        sentence += f": {said}"
    return sentence if sentence.endswith((".", "!", "?", "…")) else sentence + "."


_SENTENCES: dict[type[EventData], str] = {
    ev.TaskAssigned: "Assigned to {lead} by {authority}, due {deadline}",
    ev.LeadReassigned: "The lead passes to {lead}",
    ev.CoordinatingSet: "Coordinating from now on: {units}",
    ev.OfficerNamed: "The officer in charge is {officer}",
    ev.ExtensionRequested: "Extension {request} is asked for, to be due {new_deadline}{grounds}",
    ev.ExtensionRefused: "Extension {request} is refused",
    ev.DeadlineExtended: "Extended to be due {new_deadline}, approved by {approved_by}{document}{grounds}",
    ev.Rebaselined: "Rebaselined to be due {new_deadline}, approved by {approved_by}{document}",
    ev.DeadlineBroughtForward: "Brought forward to be due {new_deadline}, approved by {approved_by}{document}",
    ev.ProgressReported: "Progress is reported as {percent} %",
    ev.BlockerRaised: "Blocker {blocker} ({category}) is raised, owned by {owner}",
    ev.BlockerConfirmed: "Blocker {blocker} is confirmed",
    ev.BlockerRejected: "Blocker {blocker} is rejected",
    ev.BlockerResolved: "Blocker {blocker} is resolved",
    ev.ResultSubmitted: "The result is submitted to {reviewer}, with {evidence} in evidence",
    ev.ResultReturned: "The result is returned",
    ev.ResultAccepted: "The result is accepted",
    ev.TaskSuspended: "The task is suspended",
    ev.TaskResumed: "The task is resumed",
    ev.TaskCancelled: "The task is cancelled",
    ev.TaskReopened: "The task is reopened because of {cause}",
    ev.RecordRetracted: "Record {version} is retracted",
    ev.UnitRegistered: "Registered as {name}, under {parent}",
    ev.UnitRenamed: "Renamed to {name}",
    ev.UnitMoved: "Moved under {parent}",
    ev.UnitMerged: "Merged into {into}",
    ev.PlanAdopted: "{title} is adopted by {authority}{document}, with {items}",
    ev.PlanAmended: "Amended{document}, with {items} put in and {withdrawn} taken out",
    ev.DayOffDeclared: "{date} is declared a day off",
    ev.WorkingDayDeclared: "{date} is declared a working day",
    ev.HistoryImported: "{lines} lines of history are taken in from {file}",
}
_WITHOUT: dict[type[EventData], tuple[str, str]] = {
    ev.TaskAssigned: ("deadline", "Assigned to {lead} by {authority}, without a deadline"),
    ev.CoordinatingSet: ("units", "No unit coordinates any more"),
    ev.ResultSubmitted: ("evidence", "The result is submitted to {reviewer}"),
    ev.UnitRegistered: ("parent", "Registered as {name}"),
    ev.UnitMoved: ("parent", "Moved to the top of the tree"),
}
"""The field without which the sentence is another one."""
_SAID: dict[type[EventData], str] = {
    ev.ProgressReported: "narrative",
    ev.BlockerRaised: "description",
    ev.ResultReturned: "reasons",
    ev.DayOffDeclared: "name",
    ev.WorkingDayDeclared: "name",
}
"""The field that holds what people wrote, where it is not called `reason`."""


def _words(data: EventData) -> dict[str, str]:
    words = {name: _text(getattr(data, name)) for name in data.__struct_fields__}
    match data:
        case ev.ProgressReported(percent=percent):
            words["percent"] = percent_text(percent)
        case ev.TaskReopened(cause=cause):
            words["cause"] = {"defect": "a defect", "scope": "a change of scope"}[cause]
        case ev.PlanAdopted(items=items):
            words["items"] = _counted(items, "item")
        case ev.PlanAmended(items=items, withdrawn=withdrawn):
            words |= {"items": _counted(items, "item"), "withdrawn": str(len(withdrawn))}
    if isinstance(document := getattr(data, "document", None), str) and document:
        words["document"] = f" ({document})"
    return words


def _text(value: object) -> str:
    match value:
        case Deadline(date=date, kind=kind):
            return f"{kind} {date}"
        case Document(name=name, sha256=sha256):
            return f"{name} (SHA-256 {sha256})"
        case [Ground(), *_]:
            return f", on the ground of {_listed([_ground(ground) for ground in value])}"
        case [Document(), *_]:
            return _counted(value, "document")
        case [str(), *_]:
            return _listed(value)
        case dt.date() | str() | int():
            return str(value)
    return ""


def _ground(ground: Ground) -> str:
    if ground.blocker is not None:
        return f"blocker {ground.blocker}"
    if ground.suspension_by is not None:
        return f"the suspension by {ground.suspension_by}"
    return f"the time under {ground.predecessor_lead}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]


def _counted(things: Sequence[Any], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"
