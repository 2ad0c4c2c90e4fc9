"""Worked examples as people read them, and as they are run: records, then questions with their answers.

    2025-02-24  AUTH  assign_task      lead=U1 deadline=2025-03-10
    2025-03-08  U1    raise_blocker    blocker=b1 owner=U2
    2025-03-20  U1    resolve_blocker  blocker=b1, recorded 2025-03-21

    on 2025-03-22
    U1  late          2025-03-21 .. 2025-03-22                 (1)
    U2  blocker b1    2025-03-11 .. 2025-03-20                 (1, 2)

A question may go on `as of DAY` and `against the original baseline`; the numbers in brackets are the records that the
charge rests on, by line. `through a ground` stands before the days, `beside it` begins a line about a cause that lost.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, NamedTuple

import msgspec

from ledger.attribution import BaselineKind, Charge, attribute, charges, epoch_on
from ledger.attribution.charges import Days
from ledger.domain.calendar import working_days

from .histories import COMMANDS, History, position

VIET_NAM = working_days("VN", None)

_RECORD = re.compile(r"(?P<day>\S+) +(?P<unit>[A-Z]\S*) +(?P<command>\w+)(?P<data>.*?)(, recorded (?P<recorded>\S+))?")
_QUESTION = re.compile(r"on (?P<on>\S+)(?: as of (?P<as_of>\S+))?(?P<original> against the original baseline)?")


class Question(NamedTuple):
    """What is asked, and the lines that must come back, with blanks made even."""

    on: dt.date
    as_of: dt.date
    kind: BaselineKind
    answer: list[str]


class Record(NamedTuple):
    """A command with who, when, and when it was recorded."""

    command: Any
    unit: str
    effective: str
    recorded_on: dt.date


class Example(NamedTuple):
    """Records in the order recorded, and questions about them."""

    records: list[Record]
    questions: list[Question]


def parsed(text: str) -> Example:
    """The example of that text; raises ValueError at a line that is neither record nor question nor answer."""
    example = Example([], [])
    for line in filter(None, (line.strip() for line in text.splitlines())):
        question = _QUESTION.fullmatch(line)
        if question is not None:
            as_of = dt.date.fromisoformat(question["as_of"] or "2999-12-31")
            kind: BaselineKind = "original" if question["original"] else "active"
            example.questions.append(Question(dt.date.fromisoformat(question["on"]), as_of, kind, []))
        elif example.questions:
            example.questions[-1].answer.append(_even(line))
        else:
            example.records.append(_record(line))
    return example


def check(text: str) -> None:
    """Every question of the example is answered as it says."""
    example = parsed(text)
    assert example.questions, "an example asks something"
    for question in example.questions:
        history = History()
        for record in example.records:
            if record.recorded_on <= question.as_of:
                history.command(record.command, record.unit, record.effective, record.recorded_on)
        epoch = epoch_on(attribute(history.task, history.places, question.kind), question.on)
        found = charges(epoch, question.on, VIET_NAM) if epoch is not None else ()
        lines = [line for charge in found for line in _lines(charge)]
        assert (lines or ["nothing"]) == question.answer, f"on {question.on} as of {question.as_of}"


def _record(line: str) -> Record:
    match = _RECORD.fullmatch(line)
    if match is None:
        raise ValueError(f"not a record: {line}")
    fields = dict(pair.split("=", 1) for pair in match["data"].split())
    kind = COMMANDS[match["command"]]
    defaults = {"title": "A task", "category": "coordination", "reasons": "incomplete", "reason": "mistaken"}
    data: dict[str, object] = {k: v for k, v in defaults.items() if k in kind.__struct_fields__}
    data |= {key: _value(key, value) for key, value in fields.items()}
    recorded = match["recorded"] or match["day"][:10]
    return Record(msgspec.convert(data, kind), match["unit"], match["day"], dt.date.fromisoformat(recorded))


def _value(key: str, value: str) -> object:
    if key in ("deadline", "new_deadline"):
        kind, _, day = value.rpartition(":")
        return {"date": day, "kind": kind or "by"}
    if key == "grounds":
        return [dict([ground.split(":", 1)]) for ground in value.split(",")]
    if key == "retroactive":
        return value == "yes"
    return int(value) if key == "version" else value


def _lines(charge: Charge) -> list[str]:
    through = " through a ground" if charge.through_ground else ""
    lines = ", ".join(str((at - position(1)) // (position(2) - position(1)) + 1) for at in charge.evidence)
    beside = [f"beside it {_cause(lost.unit, lost.cause, lost.ref)} {_days(lost.days)}" for lost in charge.concurrent]
    return [f"{_cause(charge.unit, charge.cause, charge.ref)}{through} {_days(charge.days)} ({lines})", *beside]


def _cause(unit: str, cause: str, ref: str | None) -> str:
    return f"{unit} {cause} {ref}" if ref is not None else f"{unit} {cause}"


def _days(days: Days) -> str:
    return ", ".join(f"{first} .. {last}" if first != last else str(first) for first, last in days)


def _even(line: str) -> str:
    return " ".join(line.split())
