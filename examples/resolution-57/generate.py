"""Write the commands of a made-up plan of 187 tasks whose totals on 20 November 2025 are those of a ministry's table.

    python generate.py > commands.ndjson
    python generate.py -o commands.ndjson

Only the totals are real; README.md says which. The seed is fixed: the same bytes every time, on every Python.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import TypeVar

SEED = 57
TABLE_DAY = date(2025, 11, 20)
"""The day of the ministry's table; everything here happens before it."""
ZONE = timezone(timedelta(hours=7))

MINISTRY, OFFICE, OUTSIDE = "MIN", "MIN-OFFICE", "TREASURY"
PILLARS = {
    "1": ("Institutions", "LAW"),
    "2": ("Infrastructure", "INF"),
    "3": ("Data", "DAT"),
    "4": ("Platforms", "PLT"),
    "5": ("People", "HRM"),
    "6": ("Finance", "FIN"),
}
"""Pillar -> (title, department)."""
MERGED, MERGED_INTO, MERGED_ON = "STA", "DAT", date(2025, 7, 1)
DEPARTMENTS = {
    "LAW": "Department of Legal Affairs",
    "INF": "Department of Infrastructure",
    "DAT": "Department of Data",
    "PLT": "Department of Platforms",
    "HRM": "Department of Personnel",
    "FIN": "Department of Planning and Finance",
    MERGED: "Department of Statistics",
}
PHASES = {"1": ("to 30 June 2025", date(2025, 6, 30)), "2": ("to 31 December 2025", date(2025, 12, 31))}
WORK = ("Draft", "Review", "Publish", "Build", "Connect", "Test", "Hand over", "Fund", "Train staff for", "Evaluate")
PLAN = "R57"

Command = dict[str, object]
T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """So many tasks of a phase that come to the same end."""

    count: int
    phase: str
    end: str
    deadlines: tuple[date, ...]


KINDS = (
    Kind(36, "1", "on time", (date(2025, 3, 31), date(2025, 4, 30), date(2025, 5, 31), date(2025, 6, 30))),
    Kind(14, "1", "late", (date(2025, 4, 30), date(2025, 5, 31), date(2025, 6, 30))),
    Kind(21, "1", "extended", (date(2025, 6, 30),)),
    Kind(5, "2", "on time", (date(2025, 9, 30), date(2025, 10, 31))),
    Kind(3, "2", "late", (date(2025, 8, 31), date(2025, 9, 30))),
    Kind(98, "2", "open", (date(2025, 11, 30), date(2025, 12, 15), date(2025, 12, 31), date(2025, 12, 31))),
    Kind(10, "2", "not stated", ()),
)
"""187: 41 on time, 17 late, 119 open in time (21 of them by an extension), 10 without a deadline."""


class Dice:
    """Chance with a seed. Only `random()` is used, the one method that Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # the point is that it can be had again

    def below(self, count: int) -> int:
        """0 … count - 1."""
        return int(self._random.random() * count)

    def pick(self, choices: tuple[T, ...]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def day(self, first: date, last: date) -> date:
        """A day from `first` to `last`; `first` when that is later."""
        return first + timedelta(days=self.below(max(0, (last - first).days) + 1))


def commands() -> Iterator[Command]:
    """The command lines in the order of recorded_at."""
    dice = Dice(SEED)
    lines = [*setting()]
    number = 0
    for kind in KINDS:
        for _ in range(kind.count):
            number += 1
            lines += Task(dice, number, kind).lines()
    yield from sorted(lines, key=lambda line: str(line["recorded_at"]))


def setting() -> Iterator[Command]:
    """The units and the plan, and the merger of a department in the middle of the year."""
    day = date(2025, 1, 2)
    names = {MINISTRY: "Ministry (made up)", OFFICE: "Office of the Ministry"} | DEPARTMENTS
    for code, name in names.items():
        parent = None if code == MINISTRY else MINISTRY
        yield line("register_unit", "unit", code, MINISTRY, day, {"name": name, "kind": "internal", "parent": parent})
    outside = {"name": "State Treasury (made up)", "kind": "external", "parent": None}
    yield line("register_unit", "unit", OUTSIDE, MINISTRY, day, outside)
    items: list[Command] = []
    for pillar, (title, _) in PILLARS.items():
        items.append({"code": pillar, "title": title})
        for phase, (text, _) in PHASES.items():
            items.append(
                {"code": f"{pillar}.{phase}", "title": f"{title}, phase {phase}", "parent": pillar, "phase": text}
            )
    plan = {"title": "Action plan for Resolution 57 (made up)", "document": "57 (made up)", "items": items}
    yield line("adopt_plan", "plan", PLAN, MINISTRY, date(2025, 1, 10), plan)
    yield line("merge_unit", "unit", MERGED, MINISTRY, MERGED_ON, {"into": MERGED_INTO, "reason": "reorganisation"})


class Task:
    """One task on its way to the end that its kind gives it."""

    def __init__(self, dice: Dice, number: int, kind: Kind) -> None:
        self.dice, self.kind = dice, kind
        self.code = f"R57-{number:03d}"
        self.pillar = str(1 + number % 6)
        self.title, department = PILLARS[self.pillar]
        self.lead = MERGED if department == MERGED_INTO and number % 4 == 0 else department
        self.deadline = dice.pick(kind.deadlines) if kind.deadlines else None
        first = date(2025, 1, 13) if kind.phase == "1" else date(2025, 3, 3)
        self.assigned = dice.day(first, first + timedelta(days=45))
        self.said: list[Command] = []

    def lines(self) -> list[Command]:
        """All that happens to it."""
        self.say("assign_task", OFFICE, self.assigned, self.promise())
        if self.deadline is not None and self.kind.end in ("on time", "late"):
            self.finish(self.deadline)
        elif self.kind.end == "extended":
            self.extend()
            self.go_on(date(2025, 7, 1))
        else:
            self.go_on(self.assigned)
        return self.said

    def promise(self) -> Command:
        """The data of the assignment; one task in fifteen cites an item of a second pillar."""
        dice = self.dice
        others = tuple(code for code in DEPARTMENTS if code != self.lead)
        cited = [self.pillar] + ([str(1 + int(self.pillar) % 6)] if dice.below(15) == 0 else [])
        return {
            "title": f"{dice.pick(WORK)} {self.title.lower()} {self.code[-3:]} (made up)",
            "lead": self.lead,
            "coordinating": sorted({dice.pick(others) for _ in range(dice.below(3))}),
            "officer": f"officer {1 + dice.below(40)}",
            "authority": MINISTRY,
            "result": "report on what was done",
            "deadline": {"date": self.deadline.isoformat(), "kind": "by"} if self.deadline else None,
            "plan_items": [{"plan": PLAN, "item": f"{pillar}.{self.kind.phase}"} for pillar in cited],
        }

    def finish(self, deadline: date) -> None:
        """Reports, a submission on either side of the deadline, sometimes a return, and the acceptance."""
        if self.kind.end == "late":
            day = self.dice.day(deadline + timedelta(days=2), deadline + timedelta(days=30))
        else:
            day = self.dice.day(deadline - timedelta(days=20), deadline)
        self.report(self.assigned, day - timedelta(days=8), 9_000)
        if self.dice.below(5) == 0:
            early = day - timedelta(days=6)
            self.say("submit_result", self.unit(early), early, {"reviewer": OFFICE, "evidence": []})
            self.say("return_result", OFFICE, day - timedelta(days=3), {"reasons": "figures are missing"})
        self.say("submit_result", self.unit(day), day, {"reviewer": OFFICE, "evidence": []})
        self.say("accept_result", OFFICE, day + timedelta(days=self.dice.below(12)), {})

    def extend(self) -> None:
        """A blocker, and an extension to the end of the year: for most on that ground, for some on none."""
        raised = self.dice.day(date(2025, 4, 1), date(2025, 5, 20))
        owner = self.dice.pick((OUTSIDE, "FIN", "LAW"))
        self.report(self.assigned, raised - timedelta(days=1), 4_000)
        self.block("b1", owner, raised)
        self.say("resolve_blocker", self.unit(raised), date(2025, 6, 5), {"blocker": "b1"})
        new = {"new_deadline": {"date": "2025-12-31", "kind": "by"}, "grounds": []}
        if self.dice.below(3):
            new["grounds"] = [{"blocker": "b1"}]
        asked = self.dice.day(date(2025, 6, 9), date(2025, 6, 20))
        self.say("request_extension", self.unit(asked), asked, new | {"request": "x1", "reason": "more time is needed"})
        approved = {"approved_by": MINISTRY, "document": "document (made up)", "request": "x1"}
        self.say("extend_deadline", MINISTRY, asked + timedelta(days=5), new | approved)

    def go_on(self, since: date) -> None:
        """Reports until lately, or until the summer; some tasks are blocked on the day of the table, some submitted."""
        chance = self.dice.below(20)
        last = date(2025, 8, 20) if chance < 5 else date(2025, 11, 12)
        self.report(since, last, 7_000)
        if chance in (6, 7):
            self.block(
                "b2", self.dice.pick((OUTSIDE, "FIN", "INF")), self.dice.day(date(2025, 10, 1), date(2025, 11, 14))
            )
        elif chance == 8:
            day = date(2025, 11, 14) + timedelta(days=self.dice.below(5))
            self.say("submit_result", self.unit(day), day, {"reviewer": OFFICE, "evidence": []})

    def block(self, code: str, owner: str, day: date) -> None:
        """A blocker of that owner, or of the treasury when that is the lead itself; half of them are confirmed."""
        if owner == self.unit(day):
            owner = OUTSIDE
        what = {"blocker": code, "owner": owner, "category": "dependency", "description": "waits for a decision"}
        self.say("raise_blocker", self.unit(day), day, what | {"proposal": "decide within ten days"})
        if self.dice.below(2):
            self.say("confirm_blocker", OFFICE, day + timedelta(days=3), {"blocker": code})

    def report(self, first: date, last: date, most: int) -> None:
        """A report about every month, each higher than the one before, up to `most` basis points or somewhat less."""
        most -= 500 * self.dice.below(8)
        days = []
        day = self.dice.day(first + timedelta(days=5), first + timedelta(days=25))
        while day <= last:
            days.append(day)
            day += timedelta(days=24 + self.dice.below(12))
        for index, day in enumerate(days, 1):
            percent = most * index // (len(days) * 500) * 5
            said = {"percent": percent, "narrative": "work goes on", "next_steps": ""}
            self.say("report_progress", self.unit(day), day, said)

    def unit(self, day: date) -> str:
        """Who acts for the lead: after the merger its successor."""
        return MERGED_INTO if self.lead == MERGED and day >= MERGED_ON else self.lead

    def say(self, command: str, unit: str, day: date, data: Command) -> None:
        """Recorded on its own day, a minute after what was said of the task before it on the same day."""
        if day >= TABLE_DAY:
            raise ValueError(f"{self.code}: {command} on {day}, which the table cannot know")
        self.said.append(line(command, "task", self.code, unit, day, data, minute=len(self.said)))


def line(command: str, kind: str, code: str, unit: str, day: date, data: Command, minute: int = 0) -> Command:
    recorded = datetime.combine(day, time(9), ZONE) + timedelta(minutes=minute)
    return {
        "command": command,
        kind: code,
        "effective_at": day.isoformat(),
        "recorded_at": recorded.isoformat(),
        "acting_unit": unit,
        "data": data,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the plan as NDJSON command lines.")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: standard output)")
    arguments = parser.parse_args()
    lines = [json.dumps(command) + "\n" for command in commands()]
    if arguments.output is None:
        sys.stdout.writelines(lines)
    else:
        arguments.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
