"""Turn the recorded history of the Kubernetes enhancement proposals into command lines.

    python convert.py > commands.ndjson
    python convert.py -o commands.ndjson

A task is one stage (alpha, beta, stable) of a proposal and is due on the day of its target release. README.md, beside
this file, gives the reading and what it assumes. The same input gives the same bytes.
"""

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
HISTORY = HERE / "kep_milestone_history.csv"
RELEASES = HERE / "kubernetes_releases.csv"

STAGES = ("alpha", "beta", "stable")
COMMUNITY = "kubernetes"
"""The root unit: it assigns every task, approves every new deadline and accepts every result."""

SPELLINGS = {"GA": "stable", "imlpemented": "implemented", "superseded": "replaced"}
CANCELLING = frozenset({"withdrawn", "rejected", "replaced"})
ACRONYMS = frozenset({"sig", "wg", "api", "cli", "ui", "pm", "lts"})
PREMATURE = "the source moved this stage's target again: it had not been delivered"

Command = dict[str, object]
Release = tuple[int, int]


class BadInput(ValueError):
    """A cell that cannot be read; the message names file, line and column."""

    def __init__(self, path: Path, line: int, column: str, reason: str) -> None:
        super().__init__(f"{path}, line {line}, column {column}: {reason}")


@dataclass(frozen=True)
class Row:
    """What one commit made of one proposal."""

    at: datetime
    """In UTC, and never before the row above."""
    commit: str
    path: str
    title: str
    lead: str
    participating: frozenset[str]
    status: str
    delivered: int
    """How many of STAGES, from the first, the row shows as delivered."""
    targets: dict[str, Release]
    """The target release of each stage that has one."""

    @property
    def coordinating(self) -> list[str]:
        return sorted(self.participating - {self.lead})

    @property
    def instant(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass
class Task:
    """One stage of one proposal, as the commands given so far have left it."""

    code: str
    stage: str
    lead: str
    coordinating: list[str]
    target: Release
    started: date
    """The first day that is surely not before the assignment."""
    state: str = "open"
    version: int = 0
    outcome: list[int] = field(default_factory=list)
    """The versions of the submission and the acceptance that count."""
    disproved: bool = False
    """An acceptance was retracted: the next one must wait for its release."""

    def say(self, row: Row, command: str, unit: str, data: Command, effective: str | None = None) -> Command:
        """The command line; it is counted, because each command is answered by exactly one event."""
        self.version += 1
        return {
            "command": command,
            "task": self.code,
            "effective_at": effective or row.instant,
            "recorded_at": row.instant,
            "acting_unit": unit,
            "data": data,
        }


def commands(history: Path = HISTORY, releases: Path = RELEASES) -> Iterator[Command]:
    """Yield the command lines in the order of the history; raise BadInput where a cell cannot be read.

    Both files are read and checked before the first line is given.
    """
    dates = read_releases(releases)
    rows = list(read_history(history, dates))
    yield from register_units(rows)
    tasks: dict[tuple[str, str], Task] = {}
    numbers = proposal_numbers(rows)
    for row in rows:
        for rank, stage in enumerate(STAGES):
            target = row.targets.get(stage)
            task = tasks.get((row.path, stage))
            if task is None:
                if target is None:
                    continue
                task = new_task(row, stage, target, f"{numbers[row.path]}-{stage}", dates[target])
                tasks[row.path, stage] = task
                yield assign(task, row, dates[target])
            else:
                yield from follow(task, row, target, dates)
            yield from conclude(task, row, rank < row.delivered, dates[task.target])


def register_units(rows: list[Row]) -> Iterator[Command]:
    """Every unit that leads or takes part, below the community; they stand since the day of v1.0."""
    units = sorted({unit for row in rows for unit in (row.lead, *row.participating)})
    for unit in [COMMUNITY, *units] if rows else []:
        root = unit == COMMUNITY
        yield {
            "command": "register_unit",
            "unit": unit,
            "effective_at": "2015-07-21",
            "recorded_at": rows[0].instant,
            "acting_unit": COMMUNITY,
            "data": {
                "name": "Kubernetes community" if root else unit_name(unit),
                "kind": "internal",
                "parent": None if root else COMMUNITY,
            },
        }


def new_task(row: Row, stage: str, target: Release, code: str, due: date) -> Task:
    started = due if due < row.day else row.day + timedelta(days=1)
    return Task(code, stage, row.lead, row.coordinating, target, started)


def assign(task: Task, row: Row, due: date) -> Command:
    """A target that was past when first written records what was: it is backdated to the day of that release."""
    data: Command = {
        "title": f"{row.title} - {task.stage}",
        "lead": task.lead,
        "coordinating": task.coordinating,
        "authority": COMMUNITY,
        "result": f"{task.stage} shipped in the release",
        "deadline": deadline(task.target, due),
    }
    return task.say(row, "assign_task", COMMUNITY, data, due.isoformat() if due < row.day else None)


def follow(task: Task, row: Row, target: Release | None, dates: dict[Release, date]) -> Iterator[Command]:
    """What the row changes in a task that exists: its state undone where needed, its units, its deadline."""
    moved = target is not None and target != task.target
    if moved and task.state == "done":
        for record in reversed(task.outcome):
            yield task.say(row, "retract_record", COMMUNITY, {"record": record, "reason": PREMATURE})
        task.state, task.outcome, task.disproved = "open", [], True
    elif moved and task.state == "cancelled":
        yield task.say(row, "reopen_task", row.lead, {"cause": "scope"})
        task.state = "open"
    elif task.state == "suspended" and row.status != "deferred":
        yield task.say(row, "resume_task", COMMUNITY, {})
        task.state = "open"
    if task.state in ("open", "suspended"):
        yield from staff(task, row)
    if target is not None and moved:
        later = target > task.target
        data: Command = {
            "new_deadline": deadline(target, dates[target]),
            "approved_by": COMMUNITY,
            "document": row.commit[:10],
            "reason": f"target release moved from {release_name(task.target)} to {release_name(target)}",
        }
        if later:
            data |= {"grounds": [], "retroactive": False}
        yield task.say(row, "extend_deadline" if later else "bring_deadline_forward", row.lead, data)
        task.target = target


def staff(task: Task, row: Row) -> Iterator[Command]:
    """The lead and the coordinating units of the row; no unit is ever both."""
    if task.lead != row.lead:
        if row.lead in task.coordinating:
            task.coordinating = [unit for unit in task.coordinating if unit != row.lead]
            yield task.say(row, "set_coordinating", COMMUNITY, {"units": task.coordinating})
        reason = f"owner changed in {row.commit[:10]}"
        yield task.say(row, "reassign_lead", COMMUNITY, {"lead": row.lead, "reason": reason})
        task.lead = row.lead
    if task.coordinating != row.coordinating:
        task.coordinating = row.coordinating
        yield task.say(row, "set_coordinating", COMMUNITY, {"units": task.coordinating})


def conclude(task: Task, row: Row, delivered: bool, due: date) -> Iterator[Command]:
    """Delivery, else cancellation or suspension, of an open task, if the row shows it."""
    if task.state != "open":
        return
    if delivered and not (task.disproved and row.day < due):
        effective = due.isoformat() if task.started <= due <= row.day else None
        data: Command = {"reviewer": COMMUNITY, "evidence": []}
        yield task.say(row, "submit_result", task.lead, data, effective)
        yield task.say(row, "accept_result", COMMUNITY, {}, effective)
        task.state, task.outcome = "done", [task.version - 1, task.version]
    elif row.status in CANCELLING:
        yield task.say(row, "cancel_task", COMMUNITY, {"reason": f"the proposal was {row.status}"})
        task.state = "cancelled"
    elif row.status == "deferred":
        yield task.say(row, "suspend_task", COMMUNITY, {"reason": "the proposal was deferred"})
        task.state = "suspended"


def proposal_numbers(rows: list[Row]) -> dict[str, str]:
    """A short name for each path: its number, followed by -2, -3 … where earlier paths carry the number too."""
    names: dict[str, str] = {}
    seen: dict[int, int] = {}
    for path in dict.fromkeys(row.path for row in rows):
        number = path_number(path)
        seen[number] = seen.get(number, 0) + 1
        names[path] = str(number) if seen[number] == 1 else f"{number}-{seen[number]}"
    return names


def path_number(path: str) -> int:
    """1234 of keps/sig-node/1234-foo/kep.yaml; the column `kep` is mistyped for three paths."""
    match = re.search(r"/(\d+)-[^/]*/[^/]+$", path)
    if match is None:
        raise ValueError(f"no proposal number in {path!r}")
    return int(match[1])


def read_releases(path: Path) -> dict[Release, date]:
    """The day of each release; the column `basis` tells which days are assumed."""
    dates: dict[Release, date] = {}
    for line, cells in read_csv(path, ("version", "date")):
        release = read_target(cells["version"])
        if release is None or release in dates:
            raise BadInput(path, line, "version", f"not a new release: {cells['version']!r}")
        try:
            dates[release] = date.fromisoformat(cells["date"])
        except ValueError as error:
            raise BadInput(path, line, "date", str(error)) from error
    return dates


def read_history(path: Path, dates: dict[Release, date]) -> Iterator[Row]:
    columns = ("recorded_at", "commit", "path", "title", "owning_sig", "participating_sigs", "status", "stage")
    latest = datetime.min.replace(tzinfo=UTC)
    for line, cells in read_csv(path, (*columns, *(f"m_{stage}" for stage in STAGES))):
        try:
            latest = max(latest, datetime.fromisoformat(cells["recorded_at"]).astimezone(UTC))
        except ValueError as error:
            raise BadInput(path, line, "recorded_at", str(error)) from error
        try:
            path_number(cells["path"])
        except ValueError as error:
            raise BadInput(path, line, "path", str(error)) from error
        if not unit_code(cells["owning_sig"]):
            raise BadInput(path, line, "owning_sig", "no owner given")
        targets: dict[str, Release] = {}
        for stage in STAGES:
            target = read_target(cells[f"m_{stage}"])
            if target is not None and target not in dates:
                raise BadInput(path, line, f"m_{stage}", f"no date is known for {release_name(target)}")
            if target is not None:
                targets[stage] = target
        participating = map(unit_code, cells["participating_sigs"].split(";"))
        yield Row(
            at=latest,
            commit=cells["commit"],
            path=cells["path"],
            title=cells["title"],
            lead=unit_code(cells["owning_sig"]),
            participating=frozenset(unit for unit in participating if unit not in ("", "tbd")),
            status=SPELLINGS.get(cells["status"], cells["status"]),
            delivered=delivered_stages(cells["status"], cells["stage"]),
            targets=targets,
        )


def read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and named cells of each row; raises BadInput when a column or a cell is missing."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                raise BadInput(path, 1, column, "the header has no such column")
        for cells in reader:
            for column in columns:
                if cells[column] is None:
                    raise BadInput(path, reader.line_num, column, "the row ends before this column")
            yield reader.line_num, {column: cells[column].strip() for column in columns}


def read_target(cell: str) -> Release | None:
    """The first `N.M` in the cell; None for 0.0 and for words such as TBD, v1.xx or never."""
    match = re.search(r"(\d+)\.(\d+)", cell)
    release = (int(match[1]), int(match[2])) if match else (0, 0)
    return None if release == (0, 0) else release


def delivered_stages(status: str, stage: str) -> int:
    """How many stages are shown as delivered: all when implemented, else those before the present one.

    `implemented (beta)` delivers as far as beta; `beta (deprecated)` is read as beta; the stages `deprecated`,
    `disabled` and `removed` say nothing.
    """
    status = SPELLINGS.get(status, status)
    if status == "implemented":
        return len(STAGES)
    if status.startswith("implemented ("):
        return STAGES.index(status.removeprefix("implemented (").removesuffix(")")) + 1
    stage = SPELLINGS.get(stage, stage).removesuffix(" (deprecated)")
    return STAGES.index(stage) if stage in STAGES else 0


def unit_code(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", cell.lower()).strip("-")


def unit_name(code: str) -> str:
    return " ".join(word.upper() if word in ACRONYMS else word.capitalize() for word in code.split("-"))


def release_name(release: Release) -> str:
    return f"v{release[0]}.{release[1]}"


def deadline(target: Release, due: date) -> Command:
    return {"date": due.isoformat(), "kind": "by", "text": release_name(target)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the proposals' history as NDJSON command lines.")
    parser.add_argument("--history", type=Path, default=HISTORY, help="CSV of the changes")
    parser.add_argument("--releases", type=Path, default=RELEASES, help="CSV of the release dates")
    parser.add_argument("-o", "--output", type=Path, help="file to write (default: standard output)")
    arguments = parser.parse_args()
    try:
        lines = [json.dumps(command) + "\n" for command in commands(arguments.history, arguments.releases)]
    except (BadInput, OSError) as error:
        sys.exit(f"convert.py: {error}")
    if arguments.output is None:
        sys.stdout.writelines(lines)
    else:
        arguments.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
