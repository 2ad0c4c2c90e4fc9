"""Turn the receipt log of environmental permit cases into command lines.

    python convert.py receipt.csv > commands.ndjson
    python convert.py receipt.csv -o commands.ndjson

A task is one case, due on the local day of its deadline. README.md gives the reading. The same input gives
the same bytes.
"""

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Amsterdam")
"""Deadlines are days of this zone; set the ledger to it as well."""

OFFICE = "permit-office"
"""The root unit: it assigns every case and accepts every result."""

COLUMNS = (
    *("case:concept:name", "case:startdate", "case:deadline", "case:enddate"),
    *("case:department", "case:group", "case:responsible"),
)

Command = dict[str, object]


class InputError(ValueError):
    """A cell that cannot be read; the message names file, line and column."""

    def __init__(self, path: Path, line: int, column: str, reason: str) -> None:
        super().__init__(f"{path}, line {line}, column {column}: {reason}")


@dataclass(frozen=True)
class Case:
    """One application, as every event of it in the log repeats it."""

    name: str
    start: datetime
    deadline: datetime | None
    end: datetime | None
    department: str
    group: str
    responsible: str

    @property
    def lead(self) -> str:
        """The responsible group; the department where the log names no group."""
        return unit_code(self.group or self.department)


def commands(path: Path) -> Iterator[Command]:
    """Yield the command lines in the order of recorded_at; raise InputError where a cell cannot be read.

    The whole file is read and checked before the first line is given.
    """
    cases = list(read_cases(path))
    lines = [line for case in cases for line in case_lines(case)]
    yield from unit_lines(cases)
    yield from sorted(lines, key=lambda line: str(line["recorded_at"]))


def unit_lines(cases: list[Case]) -> Iterator[Command]:
    """The office, its departments, and their groups, all known from the first case's start on."""
    if not cases:
        return
    units: dict[str, tuple[str, str | None]] = {OFFICE: ("Permit office", None)}
    for case in sorted(cases, key=lambda case: case.department):
        units.setdefault(unit_code(case.department), (case.department, OFFICE))
    for case in sorted(cases, key=lambda case: (case.group, case.department)):
        if case.group:
            units.setdefault(unit_code(case.group), (case.group, unit_code(case.department)))
    first = instant(min(case.start for case in cases))
    for code, (name, parent) in units.items():
        yield {
            "command": "register_unit",
            "unit": code,
            "effective_at": first,
            "recorded_at": first,
            "acting_unit": OFFICE,
            "data": {"name": name, "kind": "internal", "parent": parent},
        }


def case_lines(case: Case) -> Iterator[Command]:
    """The assignment at the start and, if the case ended, its result.

    An end before the start keeps its own time as effective; it is recorded with the start, because a ledger
    cannot learn of the end of a task that it does not know.
    """
    deadline = case.deadline and {"date": case.deadline.astimezone(ZONE).date().isoformat(), "kind": "by"}
    data: Command = {
        "title": f"Environmental permit application {case.name}",
        "lead": case.lead,
        "officer": case.responsible or None,
        "authority": OFFICE,
        "result": "receipt of the application dealt with",
        "deadline": deadline,
    }
    yield case_line(case, "assign_task", OFFICE, data, case.start, case.start)
    if case.end is not None:
        recorded = max(case.start, case.end)
        review: Command = {"reviewer": OFFICE, "evidence": []}
        yield case_line(case, "submit_result", case.lead, review, case.end, recorded)
        yield case_line(case, "accept_result", OFFICE, {}, case.end, recorded)


def case_line(case: Case, command: str, unit: str, data: Command, effective: datetime, recorded: datetime) -> Command:
    return {
        "command": command,
        "task": case.name,
        "effective_at": instant(effective),
        "recorded_at": instant(recorded),
        "acting_unit": unit,
        "data": data,
    }


def read_cases(path: Path) -> Iterator[Case]:
    """Each case once, in the order of the file; raises InputError when two of its events disagree."""
    seen: dict[str, dict[str, str]] = {}
    for line, cells in read_csv(path):
        name = cells["case:concept:name"]
        if name in seen:
            for column in COLUMNS:
                if cells[column] != seen[name][column]:
                    raise InputError(path, line, column, f"differs from an earlier event of {name}")
            continue
        seen[name] = cells
        for column in ("case:concept:name", "case:startdate", "case:department"):
            if not cells[column]:
                raise InputError(path, line, column, "empty")
        start, deadline, end = (
            read_time(path, line, column, cells[column])
            for column in ("case:startdate", "case:deadline", "case:enddate")
        )
        assert start is not None  # an empty one was refused above
        yield Case(
            name=name,
            start=start,
            deadline=deadline,
            end=end,
            department=cells["case:department"],
            group=cells["case:group"],
            responsible=cells["case:responsible"],
        )


def read_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and the cells of COLUMNS, by row; raises InputError when a column or a cell is missing."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        for column in COLUMNS:
            if column not in (reader.fieldnames or ()):
                raise InputError(path, 1, column, "the header has no such column")
        for cells in reader:
            for column in COLUMNS:
                if cells[column] is None:
                    raise InputError(path, reader.line_num, column, "the row ends before this column")
            yield reader.line_num, {column: cells[column].strip() for column in COLUMNS}


def read_time(path: Path, line: int, column: str, cell: str) -> datetime | None:
    """The instant in the cell, in UTC; None when the cell is empty."""
    if not cell:
        return None
    try:
        time = datetime.fromisoformat(cell)
    except ValueError as error:
        raise InputError(path, line, column, str(error)) from error
    if time.tzinfo is None:
        raise InputError(path, line, column, f"no offset from UTC in {cell!r}")
    return time.astimezone(UTC)


def instant(time: datetime) -> str:
    """RFC 3339 in UTC; always with microseconds, so that the texts sort as the times do."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unit_code(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the permit cases as NDJSON command lines.")
    parser.add_argument("path", type=Path, help="the receipt log as CSV")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: standard output)")
    arguments = parser.parse_args()
    try:
        lines = [json.dumps(command) + "\n" for command in commands(arguments.path)]
    except (InputError, OSError) as error:
        sys.exit(f"convert.py: {error}")
    if arguments.output is None:
        sys.stdout.writelines(lines)
    else:
        arguments.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
