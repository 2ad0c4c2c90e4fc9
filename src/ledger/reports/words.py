"""What an event says, as one sentence: the one place where events become words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ledger.domain import events as ev
from ledger.domain.events import EventData
from ledger.domain.values import Deadline, Document, Ground
from ledger.reports.language import Language, Translator, translator


def describe(data: EventData, language: Language = "en") -> str:
    """The sentence for the event; what people wrote by way of reason follows it after a colon, as they wrote it."""
    speak = translator(language)
    absent, bare = _WITHOUT.get(type(data), ("", ""))
    template = bare if absent and not getattr(data, absent) else _SENTENCES[type(data)]
    sentence = speak.text(template, **_words(data, speak))
    said = " ".join(str(getattr(data, _SAID.get(type(data), "reason"), None) or "").split())
    if said:
        sentence = speak.text("{sentence}: {said}", sentence=sentence, said=said)
    return sentence if sentence.endswith((".", "!", "?", "…")) else sentence + "."


def ground_text(ground: Ground, speak: Translator) -> str:
    """What an extension rests on, as part of a sentence."""
    if ground.blocker is not None:
        return speak.text("blocker {blocker}", blocker=ground.blocker)
    if ground.suspension_by is not None:
        return speak.text("the suspension by {unit}", unit=ground.suspension_by)
    return speak.text("the time under {unit}", unit=ground.predecessor_lead)


def due_text(kind: str, day: str, speak: Translator) -> str:
    """The day by which, or before which."""
    date = speak.date(day)
    return speak.text("by {date}", date=date) if kind == "by" else speak.text("before {date}", date=date)


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
    ev.TextsErased: "Texts of {texts} are erased on the legal basis {legal_basis}",
    ev.HistoryImported: "{lines} lines of history are taken in from {file}",
    ev.KeyRotated: "The log is signed with the key {new} too, and with {old} until {overlap_until}",
    ev.KeyRetired: "The key {key} does not sign the log any more",
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
MESSAGES: tuple[str, ...] = (*_SENTENCES.values(), *(bare for _, bare in _WITHOUT.values()))
"""The sentences, for the catalogues."""


def _words(data: EventData, speak: Translator) -> dict[str, str]:
    words = {name: _text(getattr(data, name), speak) for name in data.__struct_fields__}
    match data:
        case ev.ProgressReported(percent=percent):
            words["percent"] = speak.percent(percent)
        case ev.TaskReopened(cause=cause):
            words["cause"] = speak.text("a defect") if cause == "defect" else speak.text("a change of scope")
        case ev.PlanAdopted(items=items):
            words["items"] = speak.count("{n} item", "{n} items", len(items))
        case ev.PlanAmended(items=items, withdrawn=withdrawn):
            words["items"] = speak.count("{n} item", "{n} items", len(items))
            words["withdrawn"] = speak.number(len(withdrawn))
        case ev.TextsErased(texts=texts):
            words["texts"] = speak.count("{n} record", "{n} records", len(texts))
        case ev.HistoryImported(lines=lines):
            words["lines"] = speak.number(lines)
    if isinstance(document := getattr(data, "document", None), str) and document:
        words["document"] = f" ({document})"
    return words


def _text(value: object, speak: Translator) -> str:
    match value:
        case Deadline(kind=kind, date=date):
            return due_text(kind, date.isoformat(), speak)
        case Document(name=name, sha256=sha256):
            return f"{name} (SHA-256 {sha256})"
        case [Ground(), *_]:
            grounds = _listed([ground_text(each, speak) for each in value if isinstance(each, Ground)], speak)
            return speak.text(", on the ground of {grounds}", grounds=grounds)
        case [Document(), *_]:
            return speak.count("{n} document", "{n} documents", len(value))
        case [str(), *_]:
            return _listed([str(each) for each in value], speak)
        case dt.date():
            return speak.date(value.isoformat())
        case str() | int():
            return str(value)
    return ""


def _listed(parts: Sequence[str], speak: Translator) -> str:
    *first, last = parts
    return speak.text("{first} and {last}", first=", ".join(first), last=last) if first else last
