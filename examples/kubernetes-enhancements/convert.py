"""Turn the recorded history of the Kubernetes enhancement proposals into command lines.

    python convert.py > commands.ndjson
    python convert.py -o commands.ndjson

A task is one stage (alpha, beta, stable) of a proposal, due on the day of its target release. README.md gives
the reading and what it assumes. The same input gives the same bytes.
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

COLUMNS = (
    *("recorded_at", "commit", "path", "title", "owning_sig", "participating_sigs", "status", "stage"),
    *("m_alpha", "m_beta", "m_stable"),
)
STAGES = ("alpha", "beta", "stable")
PROPOSAL = re.compile(r"/(\d+)-[^/]*/[^/]+$")
"""1234 of keps/sig-node/1234-foo/kep.yaml; the column `kep` is mistyped for three paths."""
COMMUNITY = "kubernetes"
"""The root unit: it assigns every task, approves every new deadline and accepts every result."""

SPELLINGS = {"GA": "stable", "imlpemented": "implemented", "superseded": "replaced"}
CANCELLING = frozenset({"withdrawn", "rejected", "replaced"})
ACRONYMS = frozenset({"sig", "wg", "api", "cli", "ui", "pm", "lts"})
PREMATURE = "the source moved this stage's target again: it had not been delivered"

Command = dict[str, object]
Release = tuple[int, int]


class InputError(ValueError):
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
    reached: int
    """How many of STAGES, from the first, the row says were delivered."""
    passed: int
    """How many it shows as behind the proposal: delivered, if their release is out."""
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
    """Yield the command lines in the order of the history; raise InputError where a cell cannot be read.

    Both files are read and checked before the first line is given.
    """
    dates = read_releases(releases)
    rows = list(read_history(history, dates))
    yield from register_units(rows, min(dates.values(), default=None))
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
            yield from conclude(task, row, rank, dates[task.target])


def register_units(rows: list[Row], since: date | None) -> Iterator[Command]:
    """Every unit that leads or takes part, below the community; all stand since the first release."""
    units = sorted({unit for row in rows for unit in (row.lead, *row.participating)})
    for unit in [COMMUNITY, *units] if rows else []:
        root = unit == COMMUNITY
        yield {
            "command": "register_unit",
            "unit": unit,
            "effective_at": since.isoformat() if since else rows[0].instant,
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
    """A target that had passed when first written tells of the past: backdated to that release's day."""
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
        for version in reversed(task.outcome):
            yield task.say(row, "retract_record", COMMUNITY, {"version": version, "reason": PREMATURE})
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


def conclude(task: Task, row: Row, rank: int, due: date) -> Iterator[Command]:
    """Delivery, else cancellation or suspension, of an open task, if the row shows it.

    It was delivered on the day of the release; on the task's first day, if the release was out by then; at
    the row's time, if the release is still to come.
    """
    if task.state != "open":
        return
    out = due <= row.day
    if (rank < row.passed and out) or (rank < row.reached and not task.disproved):
        happened = max(due, task.started)
        effective = happened.isoformat() if happened <= row.day else None
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
    """A short name for each path: its number, with -2, -3 … where an earlier path has that number."""
    names: dict[str, str] = {}
    seen: dict[int, int] = {}
    for path in dict.fromkeys(row.path for row in rows):
        match = PROPOSAL.search(path)
        assert match is not None  # read_history refuses such a path
        number = int(match[1])
        seen[number] = seen.get(number, 0) + 1
        names[path] = str(number) if seen[number] == 1 else f"{number}-{seen[number]}"
    return names


def read_releases(path: Path) -> dict[Release, date]:
    """The day of each release; the column `basis` tells which days are assumed."""
    dates: dict[Release, date] = {}
    for line, cells in read_csv(path, ("version", "date")):
        release = read_target(cells["version"])
        if release is None or release in dates:
            raise InputError(path, line, "version", f"not a new release: {cells['version']!r}")
        try:
            dates[release] = date.fromisoformat(cells["date"])
        except ValueError as error:
            raise InputError(path, line, "date", str(error)) from error
    return dates


def read_history(path: Path, dates: dict[Release, date]) -> Iterator[Row]:
    """The rows in the file's order; where its clock runs back, the time of the row before stands."""
    latest = datetime.min.replace(tzinfo=UTC)
    for line, cells in read_csv(path, COLUMNS):
        try:
            at = datetime.fromisoformat(cells["recorded_at"])
        except ValueError as error:
            raise InputError(path, line, "recorded_at", str(error)) from error
        if at.tzinfo is None:
            raise InputError(path, line, "recorded_at", "no offset from UTC")
        latest = max(latest, at.astimezone(UTC))
        if not PROPOSAL.search(cells["path"]):
            raise InputError(path, line, "path", f"no proposal number in {cells['path']!r}")
        if not unit_code(cells["owning_sig"]):
            raise InputError(path, line, "owning_sig", "no owner given")
        targets: dict[str, Release] = {}
        for stage in STAGES:
            target = read_target(cells[f"m_{stage}"])
            if target is not None and target not in dates:
                raise InputError(path, line, f"m_{stage}", f"no date is known for {release_name(target)}")
            if target is not None:
                targets[stage] = target
        reached, passed = progress(cells["status"], cells["stage"])
        participating = map(unit_code, cells["participating_sigs"].split(";"))
        yield Row(
            at=latest,
            commit=cells["commit"],
            path=cells["path"],
            title=cells["title"],
            lead=unit_code(cells["owning_sig"]),
            participating=frozenset(unit for unit in participating if unit not in ("", "tbd")),
            status=SPELLINGS.get(cells["status"], cells["status"]),
            reached=reached,
            passed=passed,
            targets=targets,
        )


def read_csv(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and named cells of each row; raises InputError when a column or a cell is missing."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                raise InputError(path, 1, column, "the header has no such column")
        for cells in reader:
            for column in columns:
                if cells[column] is None:
                    raise InputError(path, reader.line_num, column, "the row ends before this column")
            yield reader.line_num, {column: cells[column].strip() for column in columns}


def read_target(cell: str) -> Release | None:
    """The first `N.M` in the cell; None for 0.0 and for words such as TBD, v1.xx or never."""
    match = re.search(r"(\d+)\.(\d+)", cell)
    release = (int(match[1]), int(match[2])) if match else (0, 0)
    return None if release == (0, 0) else release


def progress(status: str, stage: str) -> tuple[int, int]:
    """How many stages a row says were delivered, and how many it shows as behind the proposal.

    `implemented` says so of the present stage and those before it, or of all when no stage is given, and
    shows all as behind; otherwise only the stages before the present one are behind. `implemented (beta)`
    speaks of beta, `beta (deprecated)` is read as beta; the stages `deprecated`, `disabled` and `removed`
    say nothing.
    """
    status = SPELLINGS.get(status, status)
    stage = SPELLINGS.get(stage, stage).removesuffix(" (deprecated)")
    partly = re.fullmatch(rf"implemented \(({'|'.join(STAGES)})\)", status)
    if partly:
        reached = STAGES.index(partly[1]) + 1
        return reached, reached
    if status == "implemented":
        return (STAGES.index(stage) + 1 if stage in STAGES else len(STAGES)), len(STAGES)
    return 0, (STAGES.index(stage) if stage in STAGES else 0)


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
    except (InputError, OSError) as error:
        sys.exit(f"convert.py: {error}")
    if arguments.output is None:
        sys.stdout.writelines(lines)
    else:
        arguments.output.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
