"""Command histories at random: overlapping, late, taken back, and partly refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.support.ledgers import line

Script = Sequence[tuple[str, dict[str, object]]]
"""(command, data), in the order in which they happen."""

DEADLINES = (
    {"date": "2025-03-05"},
    {"date": "2025-03-09", "kind": "before"},
    {"date": "2025-03-12"},
    {"date": "2025-03-20", "roll_forward": True},
    {"date": "2025-04-02", "text": "2/4/2025"},
)
GROUNDS = ([], [{"blocker": "x"}], [{"suspension_by": "AUTH"}], [{"predecessor_lead": "U1"}, {"blocker": "y"}])
SUBMIT = ("submit_result", {"reviewer": "REV"})
RETURN = ("return_result", {"reasons": "incomplete"})
ACCEPT: tuple[str, dict[str, object]] = ("accept_result", {})
RESUME: tuple[str, dict[str, object]] = ("resume_task", {})
SUSPEND: tuple[str, dict[str, object]] = ("suspend_task", {"reason": "inspection"})


def random_lines(chance: random.Random, tasks: Sequence[str], count: int) -> list[bytes]:
    """About `count` lines: each task is assigned, then scripts over the same days follow one another."""
    lines = [_assignment(chance, task) for task in tasks]
    while len(lines) < count:
        task = chance.choice(tasks)
        script = chance.choices(_MAKERS, _WEIGHTS)[0](chance)
        days = sorted(chance.choices(range(1, 29), k=len(script)))
        unit = chance.choice(("AUTH", "REV", "U1", "U2", "U3"))
        for (command, data), day in zip(script, days, strict=True):
            at = f"2025-03-{day:02d}" + chance.choice(("", "", "", "T00:30:00+07:00", "T20:00:00Z"))
            of = data.pop("of", task)
            lines.append(line(command, str(of), at, unit=unit, **data))
    return lines


def _assignment(chance: random.Random, task: str) -> bytes:
    more: dict[str, object] = {}
    if chance.random() < 0.85:
        more["deadline"] = chance.choice(DEADLINES)
    if chance.random() < 0.3:
        more["start"] = f"2025-03-0{chance.randint(1, 4)}"
    if chance.random() < 0.5:
        more["plan_items"] = [{"plan": "P1", "item": "A1"}]
    lead, day = chance.choice(("U1", "U2", "U3")), chance.randint(1, 6)
    return line("assign_task", task, day, title=f"Task {task}", lead=lead, **more)


def _review(chance: random.Random) -> Script:
    ends: tuple[Script, ...] = (
        (),
        (RETURN,),
        (RETURN, SUBMIT, ACCEPT),
        (ACCEPT,),
        (ACCEPT, ("reopen_task", {"cause": "defect"})),
    )
    return (SUBMIT, *chance.choice(ends))


def _blocker(chance: random.Random) -> Script:
    code, owner = chance.choice("xyz"), chance.choice(("EXT", "U1", "U2", "AUTH"))
    raised = ("raise_blocker", {"blocker": code, "owner": owner, "category": "procedure"})
    ends = ((), ("resolve",), ("confirm", "resolve"), ("reject",), ("resolve", "reject"))
    return (raised, *((f"{end}_blocker", {"blocker": code}) for end in chance.choice(ends)))


def _extension(chance: random.Random) -> Script:
    new, grounds = chance.choice(DEADLINES), chance.choice(GROUNDS)
    request = chance.choice("rst")
    asked = ("request_extension", {"request": request, "new_deadline": new, "grounds": grounds})
    granted = {"new_deadline": new, "grounds": grounds, "retroactive": chance.random() < 0.3}
    return chance.choice(
        (
            (("extend_deadline", granted),),
            (asked, ("extend_deadline", granted | {"request": request})),
            (asked, ("refuse_extension", {"request": request})),
        )
    )


def _deadline(chance: random.Random) -> Script:
    command = chance.choice(("rebaseline_task", "bring_deadline_forward"))
    return ((command, {"new_deadline": chance.choice(DEADLINES), "document": "12/QĐ"}),)


def _people(chance: random.Random) -> Script:
    lead = ("reassign_lead", {"lead": chance.choice(("U1", "U2", "U3"))})
    officer = ("name_officer", {"officer": f"officer {chance.randint(1, 9)}"})
    coordinating = ("set_coordinating", {"units": chance.sample(("U1", "U2", "EXT"), chance.randint(0, 2))})
    return chance.choice(((lead,), (lead,), (officer,), (coordinating,), (lead, officer, lead)))


def _progress(chance: random.Random) -> Script:
    return tuple(("report_progress", {"percent": chance.randint(0, 10_000) / 100}) for _ in range(chance.randint(1, 3)))


def _pause(chance: random.Random) -> Script:
    return chance.choice(((SUSPEND, RESUME), (SUSPEND,), (SUSPEND, RESUME, SUSPEND, RESUME)))


def _end(chance: random.Random) -> Script:
    cancelled = ("cancel_task", {"reason": "overtaken"})
    return chance.choice(((cancelled,), (cancelled, ("reopen_task", {"cause": "scope"}))))


def _retraction(chance: random.Random) -> Script:
    return (("retract_record", {"version": chance.randint(2, 15), "reason": "by mistake"}),)


def _directory(chance: random.Random) -> Script:
    unit = chance.choice(("unit/U1", "unit/U2", "unit/U3"))
    day_off = f"2025-03-{chance.randint(3, 28):02d}"
    item = {"code": chance.choice(("A2", "A3")), "title": f"Item {chance.randint(1, 9)}", "parent": "A1"}
    return chance.choice(
        (
            (("rename_unit", {"of": unit, "name": f"Name {chance.randint(1, 9)}"}),),
            (("move_unit", {"of": unit, "parent": chance.choice(("AUTH", "U1", "U2", None))}),),
            (("merge_unit", {"of": "unit/EXT", "into": "U2"}),),
            (("amend_plan", {"of": "plan/P1", "items": [item]}),),
            (
                (
                    "declare_day_off",
                    {"of": "calendar/VN", "date": day_off, "name": "Off"},
                ),
            ),
        )
    )


Maker = Callable[[random.Random], Script]
_CHANCES: dict[Maker, int] = {
    _review: 6, _blocker: 5, _extension: 5, _deadline: 3, _people: 4, _progress: 3, _pause: 2, _end: 1, _retraction: 5,
    _directory: 2,
}  # fmt: skip
_MAKERS, _WEIGHTS = list(_CHANCES), list(_CHANCES.values())
