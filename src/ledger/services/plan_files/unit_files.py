"""A tree of units taken in: new ones registered, parents first; what else would change, only when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ledger.domain import commands as cmd
from ledger.domain.rules import Moment, check_moment
from ledger.domain.times import local_day, parse_day
from ledger.domain.unit import Unit, UnitSituation
from ledger.errors import BadFile, BadQuery, LedgerError, NotFound, Refused
from ledger.services.deciding import Submission
from ledger.services.importing import Summary
from ledger.services.ledger import Ledger
from ledger.services.plan_files.draft import submission
from ledger.services.plan_files.findings import Finding, Severity, has_errors
from ledger.services.plan_files.unit_rows import UnitLine, read_units

BATCH = 500
"""Commands appended together."""

What = Literal["register", "rename", "move", "same"]


class UnitChange(Struct, frozen=True):
    """What a line of the file comes to."""

    line: UnitLine
    what: What
    was: str | None
    """The name or parent in the ledger, for a unit that is renamed or moved."""
    submission: Submission | None


class UnitDraft(Struct, frozen=True):
    """What a file of units asks for, and what is to be said about it."""

    file: str
    effective: str
    changes: tuple[UnitChange, ...]
    findings: tuple[Finding, ...]

    @property
    def faulty(self) -> bool:
        """Whether nothing of it may be recorded."""
        return has_errors(self.findings)


def check_units(ledger: Ledger, path: Path, acting: str, effective: str | None = None) -> UnitDraft:
    """What the file asks for; nothing is recorded.

    The acting unit is registered, or one that the file puts at the top: it then registers itself first. Raises
    `BadFile` when the file cannot be read, `NotFound` for another acting unit, `BadQuery` and `Refused` for the day.
    """
    file, lines, findings = read_units(path)
    return _Check(ledger, file, lines, findings, acting, effective).draft()


def record_units(ledger: Ledger, draft: UnitDraft, *, update: bool, progress: Callable[[int, int], None]) -> Summary:
    """New units are registered; with `update`, the others renamed and moved as the file has them.

    Raises `BadFile` when the draft is faulty, `Refused` for a change that the ledger does not take. Cut off anywhere,
    the same file is taken in again: what is there already is left alone.
    """
    if draft.faulty:
        raise BadFile(draft.file, None, "it has errors, so nothing of it is recorded")
    wanted = [change for change in draft.changes if change.what == "register" or (update and change.what != "same")]
    submissions = [change.submission for change in wanted if change.submission is not None]
    summary, rest = Summary(), iter(submissions)
    while batch := list(islice(rest, BATCH)):
        for outcome in ledger.commands.handle(batch):
            if isinstance(outcome, LedgerError):
                raise outcome
            summary.count(outcome)
        progress(summary.lines, len(submissions))
    return summary


class _Check:
    """One file looked at, against the units as they stand."""

    def __init__(
        self,
        ledger: Ledger,
        file: str,
        lines: tuple[UnitLine, ...],
        findings: list[Finding],
        acting: str,
        effective: str | None,
    ) -> None:  # fmt: skip
        self._file, self._lines, self._findings, self._acting = file, lines, findings, acting
        self._units: Mapping[str, Unit] = ledger.directory.known().units
        today = local_day(ledger.clock(), ledger.zone)
        day = today if effective is None else parse_day(effective)
        if day is None:
            raise BadQuery("effective", f"{effective!r} is not a day (2025-03-08)")
        self._moment = Moment(acting, day, today)
        check_moment(self._moment)
        self._by_code: dict[str, UnitLine] = {}

    def draft(self) -> UnitDraft:
        """All lines compared, in the order in which they can be recorded."""
        for line in self._lines:
            before = self._by_code.setdefault(line.code, line)
            if before is not line:
                self._say("error", line, "code", f"{line.code} is the code of row {before.row} already")
        self._check_acting()
        for line in self._by_code.values():
            if line.parent is not None and line.parent not in self._by_code and line.parent not in self._units:
                self._say("error", line, "parent", f"there is no unit {line.parent}, in the file or in the ledger")
        self._check_circles()
        changes = tuple(change for line in self._parents_first() for change in self._compared(line))
        return UnitDraft(self._file, self._moment.day.isoformat(), changes, tuple(self._findings))

    def _check_acting(self) -> None:
        if self._acting in self._units:
            return
        line = self._by_code.get(self._acting)
        if line is None:
            raise NotFound("unit", f"{self._acting}, in the ledger or in the file, to act for the others")
        if line.parent is not None:
            self._say("error", line, "parent", f"{self._acting} acts for the others, so it cannot stand below one")

    def _check_circles(self) -> None:
        """No unit would lie under itself once all of the file stood in the ledger."""
        parents: dict[str, str | None] = {}
        for code, unit in self._units.items():
            now = unit.situation(self._moment.day) or unit.segments[0]
            parents[code] = now.merged_into or now.parent
        parents |= {code: line.parent for code, line in self._by_code.items() if line.says_parent or line.parent}
        for code, line in self._by_code.items():
            seen: set[str] = set()
            at = parents.get(code)
            while at is not None and at != code and at not in seen:
                seen.add(at)
                at = parents.get(at)
            if at == code:
                self._say("error", line, "parent", f"unit {code} would lie under itself")

    def _parents_first(self) -> Iterator[UnitLine]:
        """Every line behind that of its parent, the acting unit's first; none that goes round in a circle."""
        below: dict[str | None, list[UnitLine]] = {}
        for line in sorted(self._by_code.values(), key=lambda line: line.code != self._acting):
            below.setdefault(line.parent if line.parent in self._by_code else None, []).append(line)
        waiting = below.get(None, [])
        while waiting:
            yield from waiting
            waiting = [child for line in waiting for child in below.get(line.code, [])]

    def _compared(self, line: UnitLine) -> Iterator[UnitChange]:
        unit = self._units.get(line.code)
        if unit is None:
            yield self._change(
                line, "register", None, cmd.RegisterUnit(line.name, line.kind or "internal", line.parent)
            )
            return
        now = unit.situation(self._moment.day)
        if now is None:
            self._say("error", line, "code", f"unit {line.code} was registered after {self._moment.day}")
            return
        if now.merged_into is not None:
            self._say("warning", line, "code", f"unit {line.code} was merged into {now.merged_into}: left as it is")
            return
        yield from self._differences(line, now)

    def _differences(self, line: UnitLine, now: UnitSituation) -> Iterator[UnitChange]:
        if line.kind is not None and line.kind != now.kind:
            self._say("warning", line, "kind", f"unit {line.code} is {now.kind}, which cannot be changed")
        found = []
        if line.name != now.name:
            found.append(self._change(line, "rename", now.name, cmd.RenameUnit(line.name)))
        if line.says_parent and line.parent != now.parent:
            found.append(self._change(line, "move", now.parent, cmd.MoveUnit(line.parent)))
        yield from found or [UnitChange(line, "same", None, None)]

    def _change(self, line: UnitLine, what: What, was: str | None, command: cmd.Command) -> UnitChange:
        try:
            day = self._moment.day.isoformat()
            return UnitChange(line, what, was, submission(self._acting, day, ("unit", line.code), command, None))
        except Refused as error:
            self._say("error", line, (error.field or "code").removeprefix("data."), error.reason)
            return UnitChange(line, what, was, None)

    def _say(self, severity: Severity, line: UnitLine, field: str, reason: str) -> None:
        self._findings.append(Finding(severity, line.sheet, line.row, field, reason))
