"""Questions: `ledger task`, `ledger report`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer

from ledger.cli import session, task_text
from ledger.reports import REPORTS
from ledger.reports.language import Language, translator
from ledger.reports.parameters import Parameter
from ledger.reports.writers import WRITERS
from ledger.reports.writers.table import write_table
from ledger.services.certificates.making import certify as certify_report
from ledger.services.reporting import ReportRequest
from ledger.services.reporting import report as make_report
from ledger.services.task_pages import task_page

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="T", help="What was known at T: a day, or an instant with an offset. Default: now."
    ),
]
On = Annotated[
    str | None, typer.Option("--on", metavar="D", help="The situation at the end of local day D. Default: today.")
]
Lang = Annotated[
    Language | None, typer.Option("--lang", help="The language of what people read. Default: LEDGER_LANGUAGE.")
]
Replay = Annotated[
    bool, typer.Option("--replay", help="Answer by replaying the log, not from the read models: slower, and the same.")
]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.command()(task)
    app.command()(_with_parameters(report))


def task(
    code: Annotated[str, typer.Argument(help="The task's code.")],
    as_of: AsOf = None,
    on: On = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Lang = None,
    replay: Replay = False,
) -> None:
    """A task's state, charges and timeline."""
    with session.ledger() as ledger:
        language: Language = "en" if json else lang or ledger.settings.language
        page = task_page(ledger.queries(), code, as_of, on, language, replay=replay)
    if json:
        session.write_out(orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE), None)
        return
    speak = translator(language)
    session.show(task_text.heading(code, page, speak))
    session.show(task_text.facts(page, speak))
    if page["charges"]:
        session.show(task_text.charges(page, speak))
    session.show(task_text.timeline(page, speak))


def report(  # noqa: PLR0913, PLR0917  # Typer: an argument is an option
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(REPORTS)}.")],
    as_of: AsOf = None,
    on: On = None,
    baseline: Annotated[
        Literal["active", "original"] | None, typer.Option(help="Slip against the active or the original baseline.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Only tasks led by this unit or one below it.")] = None,
    plan: Annotated[str | None, typer.Option(help="Only tasks that cite this plan.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(WRITERS)}.")] = "table",  # noqa: A002  # its name
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    lang: Lang = None,
    replay: Replay = False,
    certify: Annotated[
        Path | None,
        typer.Option(
            "--certify",
            metavar="FILE.zip",
            help="Write the figures with the entries that they follow from and the signed checkpoint, for "
            "`ledger certify verify`.",
            dir_okay=False,
        ),
    ] = None,
    evidence: Annotated[
        Literal["complete", "excerpt"],
        typer.Option(help="With --certify: every entry up to the report's time, or those of its tasks with proofs."),
    ] = "complete",
    **parameters: str | None,
) -> None:
    """A report at any pair of times: what was known as of T about the situation on D."""
    if format not in WRITERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(WRITERS)}", param_hint="--format")
    media_type, write = WRITERS[format]
    if output is None and sys.stdout.isatty() and not media_type.startswith(("text/", "application/json")):
        raise typer.BadParameter(f"{format} is not for a terminal: name a file by -o", param_hint="--format")
    given = {parameter: value for parameter, value in parameters.items() if value is not None}
    with session.ledger() as ledger:
        request = ReportRequest(name, as_of, on, baseline, unit, plan, task, replay, given)
        if certify is None:
            document = make_report(ledger.queries(), request)
        else:
            with session.progress(f"Certifying {name}") as advance:
                document, failures = certify_report(ledger, request, certify, evidence, advance)
            session.warn(failures)
            session.stderr.print(f"certificate: {certify}")
        language = lang or ledger.settings.language
        if format == "table" and output is None:
            session.write_out(write_table(document, language, session.stdout.width), output)
        else:
            session.write_out(write(document, language), output)


def _with_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for every parameter that a report declares; a report refuses those of others."""
    signature = inspect.signature(command, eval_str=True)
    options = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    declared: dict[str, list[tuple[str, Parameter[Any]]]] = {}
    for report_name, each in REPORTS.items():
        for parameter in each.parameters:
            declared.setdefault(parameter.name, []).append((report_name, parameter))
    options += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(takers))
        for name, takers in declared.items()
    ]
    command.__signature__ = signature.replace(parameters=options)  # type: ignore[attr-defined]  # what Typer reads
    return command


_METAVARS = {"int": "N", "day": "D", "as_of": "T"}


def _option(takers: list[tuple[str, Parameter[Any]]]) -> Any:  # noqa: ANN401  # an annotation
    """A text option; its help says which reports take it, and what it is to them."""
    said: dict[str, list[str]] = {}
    for report_name, parameter in takers:
        default = f" Default: {parameter.default}." if parameter.default is not None else ""
        said.setdefault(parameter.help + default, []).append(report_name)
    first = takers[0][1]
    option = typer.Option(
        f"--{first.name.replace('_', '-')}",
        metavar=_METAVARS.get(first.kind, "|".join(first.choices)),
        help=" ".join(f"{', '.join(names)}: {text}" for text, names in said.items()),
    )
    return Annotated[str | None, option]
