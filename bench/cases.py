"""What is measured: tables of cases, each a function that does so much work on a server and says how long it took.

A new case is a function here or in a module of this package, and the line above it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Done:
    """So many events in so many seconds."""

    count: int
    seconds: float
    memory: int | None = None
    """Peak memory of what did it, in KiB; by default of the largest: the case's process, or one that it started."""
    also: Mapping[str, float] = field(default_factory=dict)
    """Figures of this case alone, by the names of their columns."""


class SkippedError(Exception):
    """The case cannot be measured here; the message says what is missing."""


Work = Callable[[str, int], Done]
"""Called with the conninfo of the server's superuser, and about how many events to take."""


@dataclass(frozen=True)
class Case:
    """One row of a table."""

    table: str
    name: str
    work: Work
    share: float
    """Of the events asked for: slower ways take fewer, so that all take about as long."""


CASES: list[Case] = []


def case(table: str, name: str, share: float = 1.0) -> Callable[[Work], Work]:
    """The function below is a case of that table; the table's first is what the others are compared with."""

    def register(work: Work) -> Work:
        CASES.append(Case(table, name, work, share))
        return work

    return register


def tables() -> list[str]:
    """The tables that have cases, in order."""
    return list(dict.fromkeys(each.table for each in CASES))


def in_a_process(each: Case, conninfo: str, events: int) -> dict[str, Any]:
    """One run in a process of its own, as `bench.one_case` prints it."""
    command = [
        sys.executable,
        "-m",
        "bench.one_case",
        each.table,
        each.name,
        conninfo,
        str(max(int(events * each.share), 1)),
    ]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def program(command: list[str], folder: Path | None = None) -> tuple[str, int]:
    """What a program of others printed, and its peak memory in KiB.

    A process begins with the peak of the one that it is forked from, so the program is the child of a small one.
    """
    launched = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    *lines, memory = subprocess.run(
        launched, cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    return "\n".join(lines), int(memory)


_LAUNCHER = """
import os, sys
pid = os.fork() or os.execv(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def compared(table: str, conninfo: str, events: int, runs: int) -> list[dict[str, Any]]:
    """A row for each case: the median of runs that take turns, so that a slow minute slows all alike.

    Memory is that of the largest run.
    """
    cases = [each for each in CASES if each.table == table]
    found: dict[str, list[dict[str, Any]]] = {each.name: [] for each in cases}
    for _ in range(runs):
        for each in cases:
            if not (found[each.name] and "skipped" in found[each.name][0]):
                found[each.name].append(in_a_process(each, conninfo, events))
    rows: list[dict[str, Any]] = []
    for name, results in found.items():
        if "skipped" in results[0]:
            rows.append({"case": f"{name}: skipped, {results[0]['skipped']}"})
            continue
        rate = statistics.median(result["rate"] for result in results)
        first = rows[0].get("events/s", rate) if rows else rate
        row = {
            "case": name,
            "events": results[0]["events"],
            "events/s": rate,
            "first ÷ this": first / rate,
            "peak MiB": max(result["memory"] for result in results),
        }
        row |= {
            column: statistics.median(result["also"][column] for result in results) for column in results[0]["also"]
        }
        rows.append(row | {"runs": [round(result["rate"]) for result in results]})
    return rows
