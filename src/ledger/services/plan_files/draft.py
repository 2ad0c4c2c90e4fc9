"""What a plan's file asks for, once all of it was looked at: nothing is recorded before that."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from ledger.domain import commands as cmd
from ledger.domain.rules import Known, Moment
from ledger.domain.task import decide
from ledger.domain.values import PlanItemRef
from ledger.errors import Refused
from ledger.services.command_line import CommandLine, parse_line
from ledger.services.deciding import Submission
from ledger.services.plan_files.findings import Finding, has_errors
from ledger.services.plan_files.rows import TaskLine

MAX_BYTES = 60_000
"""Of one command; an entry holds 65,535 bytes with what stands around it."""


class PlanOptions(Struct, frozen=True):
    """What is said of the plan beside its file; the title is needed for a plan that is not adopted yet."""

    plan: str
    title: str | None = None
    authority: str | None = None
    document: str | None = None
    sheet: str | None = None
    effective: str | None = None
    """The day on which it takes effect; today when not given."""


class PlannedTask(Struct, frozen=True):
    """A row that becomes a task."""

    line: TaskLine
    code: str
    submission: Submission | None
    """None when the row has errors."""
    recorded: bool = False
    """An earlier import of this file has recorded it."""


class Draft(Struct, frozen=True):
    """What would be recorded, and what is to be said about it."""

    file: str
    sha256: str
    sheet: str | None
    plan: str
    effective: str
    steps: tuple[Submission, ...]
    """The plan adopted or amended, before the tasks."""
    tasks: tuple[PlannedTask, ...]
    findings: tuple[Finding, ...]

    @property
    def faulty(self) -> bool:
        """Whether nothing of it may be recorded."""
        return has_errors(self.findings)


def file_key(sha256: str, sheet: str | None, plan: str) -> str:
    """What the idempotency keys of a file's rows begin with: other bytes, sheet or plan, other keys."""
    return f"plan-file:{hashlib.sha256(chr(31).join((sha256, sheet or '', plan)).encode()).hexdigest()}"


def submission(acting: str, effective: str, of: tuple[str, str], command: cmd.Command, key: str | None) -> Submission:
    """The command as a line, checked as any line is; raises `Refused`, naming the field."""
    kind, code = of
    data: dict[str, Any] = msgspec.to_builtins(command)
    name = data.pop("command")
    line: dict[str, Any] = {"command": name, kind: code, "acting_unit": acting, "effective_at": effective, "data": data}
    if key is not None:
        line["idempotency_key"] = key
    encoded = msgspec.json.encode(line)
    if len(encoded) > MAX_BYTES:
        raise Refused("entry_too_large", None, f"it takes {len(encoded):,} bytes; a record holds at most {MAX_BYTES:,}")
    return Submission(*parse_line(encoded))


def task_submission(
    line: TaskLine, code: str, item: str, key: str, options: PlanOptions, moment: Moment, known: Known
) -> Submission:
    """The row as a command that would be recorded as things stand; raises `Refused`.

    The authority is the row's, else the plan's, else the acting unit. That the item is there is seen to by the steps
    that come before.
    """
    command = cmd.AssignTask(
        title=line.title or "",
        lead=line.lead or "",
        coordinating=line.coordinating,
        officer=line.officer,
        authority=line.authority or options.authority,
        result=line.result,
        indicators=line.indicators,
        start=line.start,
        deadline=line.deadline,
        priority=line.priority,
        classification=line.classification,
    )
    decide(None, code, command, moment, known)
    cited = msgspec.structs.replace(command, plan_items=(PlanItemRef(options.plan, item),))
    return submission(moment.acting_unit, moment.day.isoformat(), ("task", code), cited, key)


def used_line(acting: str, code: str, key: str) -> CommandLine:
    """A line that carries the key, to ask whether it was used."""
    return CommandLine(command="assign_task", acting_unit=acting, task=code, idempotency_key=key)
