"""Plans and units by file: `ledger import plan`, `ledger import units`, `ledger plan template`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer
from rich.table import Table
from rich.text import Text

from ledger.cli import files, session
from ledger.domain.times import local_day
from ledger.errors import LedgerError
from ledger.services.commands import Outcome
from ledger.services.importing import Summary
from ledger.services.plan_files import plan_check, plan_import, unit_files
from ledger.services.plan_files.draft import Draft, PlannedTask, PlanOptions
from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.template import template as make_template

plans = typer.Typer(help="Plans: forms to fill in.", no_args_is_help=True)

Acting = Annotated[str, typer.Option("--unit", metavar="CODE", help="The unit that enters it.")]
Effective = Annotated[
    str | None, typer.Option("--effective", metavar="D", help="The local day on which it takes effect. Default: today.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be recorded, and record nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application, some of them beside the other imports."""
    files.imports.command("plan")(import_plan)
    files.imports.command("units")(import_units)
    plans.command("template")(template)
    app.add_typer(plans, name="plan")


def import_plan(  # noqa: PLR0913, PLR0917 - Typer makes a parameter of every option
    file: Annotated[Path, typer.Argument(help="A plan, one row a task: .xlsx or .csv.", exists=True, dir_okay=False)],
    plan: Annotated[str, typer.Option(metavar="CODE", help="The plan's code; it is adopted when it is not yet.")],
    unit: Acting,
    title: Annotated[str | None, typer.Option(help="The title of a plan that is not adopted yet.")] = None,
    authority: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Who adopted the plan. Default: the unit that enters it.")
    ] = None,
    document: Annotated[str | None, typer.Option(help="The document that it rests on, such as 57-NQ/TW.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet. Default: the first with headings known here.")] = None,
    effective: Effective = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Adopt or amend a plan and assign its tasks. Every faulty row is named, and a faulty file changes nothing (exit
    code 2). The same file again records nothing twice, so an interrupted import is just run again.
    """
    options = PlanOptions(plan, title, authority, document, sheet, effective)
    refused: list[tuple[int, LedgerError]] = []

    def report(row: int, outcome: Outcome) -> None:
        if isinstance(outcome, LedgerError):
            refused.append((row, outcome))

    with session.ledger() as ledger:
        draft = plan_check.check(ledger, file, unit, options)
        summary = None
        if not (draft.faulty or dry_run):
            with session.progress(f"Importing {file.name}") as advance:
                summary = plan_import.record(ledger, draft, advance, report)
    if json:
        session.write_out(orjson.dumps(_plan_json(draft, summary), option=orjson.OPT_APPEND_NEWLINE), None)
    else:
        _print_findings(draft.findings)
        if dry_run:
            session.show(_plan_table(draft))
        typer.echo(_plan_words(draft, summary))
    for row, error in refused:
        session.stderr.print(f"row {row}: {error}", soft_wrap=True)
    _exit(draft.faulty, summary)


def import_units(
    file: Annotated[Path, typer.Argument(help="Units: .xlsx, .csv or .json.", exists=True, dir_okay=False)],
    unit: Acting,
    effective: Effective = None,
    update: Annotated[
        bool, typer.Option("--update", help="Rename and move units that the file has otherwise than the ledger.")
    ] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Register the units of a file, parents first. Those that the ledger has are left alone; what the file has
    otherwise is shown, and done with --update. A faulty file changes nothing (exit code 2).
    """
    with session.ledger() as ledger:
        draft = unit_files.check_units(ledger, file, unit, effective)
        summary = None
        if not (draft.faulty or dry_run):
            with session.progress(f"Importing {file.name}") as advance:
                summary = unit_files.record_units(ledger, draft, update=update, progress=advance)
    if json:
        session.write_out(orjson.dumps(_units_json(draft, summary), option=orjson.OPT_APPEND_NEWLINE), None)
    else:
        _print_findings(draft.findings)
        _print_changes(draft, update=update)
        counts = {what: sum(change.what == what for change in draft.changes) for what in ("register", "same")}
        others = len(draft.changes) - sum(counts.values())
        typer.echo(
            f"{counts['register']:,} new, {counts['same']:,} as in the ledger, {others:,} changes: "
            + _recorded_words(draft.faulty, summary)
        )
    _exit(draft.faulty, summary)


def template(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.xlsx", help="The form to write.")],
    lang: Annotated[Literal["vi", "en", "fr"], typer.Option(help="The language of the headings.")] = "vi",
) -> None:
    """Write an empty form for a plan: headings, notes, and drop-downs with the ledger's units."""
    with session.ledger() as ledger:
        units = ledger.directory.known().units
        content = make_template(units, local_day(ledger.clock(), ledger.zone), lang)
        session.write_out(content, str(output))
    typer.echo(f"A form with {len(units):,} units, written to {output}")


def _exit(faulty: bool, summary: Summary | None) -> None:
    if faulty:
        raise typer.Exit(session.Exit.BAD_INPUT)
    if summary is not None and summary.refused:
        raise typer.Exit(session.Exit.PARTLY)


def _print_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        session.stderr.print(str(finding), soft_wrap=True)


def _plan_words(draft: Draft, summary: Summary | None) -> str:
    tasks = len(draft.tasks)
    return f"{tasks:,} tasks for plan {draft.plan}: " + _recorded_words(draft.faulty, summary)


def _recorded_words(faulty: bool, summary: Summary | None) -> str:
    if faulty:
        return "the file has errors, so nothing is recorded"
    if summary is None:
        return "a dry run, so nothing is recorded"
    words = f"{summary.recorded:,} recorded, {summary.replayed:,} recorded before"
    return f"{words}, {summary.refused:,} refused" if summary.refused else words


def _plan_table(draft: Draft) -> Table:
    table = Table(title=f"{draft.plan} from {draft.file}, effective {draft.effective}")
    for heading in ("Row", "Code", "Title", "Lead", "Deadline", "Findings"):
        table.add_column(heading, overflow="fold")
    for task in draft.tasks:
        said = "\n".join(_said_of(draft, task)) or ("recorded before" if task.recorded else "")
        cells = (str(task.line.row), task.code, task.line.title or "", task.line.lead or "", _due(task), said)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _said_of(draft: Draft, task: PlannedTask) -> list[str]:
    return [f"{finding.severity}: {finding.reason}" for finding in draft.findings if finding.row == task.line.row]


def _due(task: PlannedTask) -> str:
    deadline = task.line.deadline
    return f"{deadline.kind} {deadline.date}" if deadline else ""


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def _summary_json(summary: Summary | None) -> dict[str, int] | None:
    if summary is None:
        return None
    return {name: getattr(summary, name) for name in ("recorded", "replayed", "refused")}


def _plan_json(draft: Draft, summary: Summary | None) -> dict[str, Any]:
    given = {name: getattr(draft, name) for name in ("file", "sha256", "sheet", "plan", "effective", "faulty")}
    tasks = [
        {
            "row": task.line.row,
            "task": task.code,
            "title": task.line.title,
            "lead": task.line.lead,
            "deadline": _deadline_json(task),
            "recorded_before": task.recorded,
        }
        for task in draft.tasks
    ]
    findings = [_finding_json(finding) for finding in draft.findings]
    return given | {"tasks": tasks, "findings": findings, "summary": _summary_json(summary)}


def _deadline_json(task: PlannedTask) -> dict[str, Any] | None:
    deadline = task.line.deadline
    return {"date": deadline.date, "kind": deadline.kind, "text": deadline.text} if deadline else None


def _units_json(draft: unit_files.UnitDraft, summary: Summary | None) -> dict[str, Any]:
    changes = [
        {
            "row": c.line.row,
            "unit": c.line.code,
            "what": c.what,
            "name": c.line.name,
            "parent": c.line.parent,
            "was": c.was,
        }
        for c in draft.changes
    ]
    findings = [_finding_json(finding) for finding in draft.findings]
    given = {"file": draft.file, "effective": draft.effective, "faulty": draft.faulty}
    return given | {"changes": changes, "findings": findings, "summary": _summary_json(summary)}


def _print_changes(draft: unit_files.UnitDraft, *, update: bool) -> None:
    how = "" if update else " (with --update)"
    for change in draft.changes:
        match change.what:
            case "rename":
                typer.echo(f"rename{how} {change.line.code}: {change.was} -> {change.line.name}")
            case "move":
                top = "the top"
                typer.echo(f"move{how} {change.line.code}: {change.was or top} -> {change.line.parent or top}")
