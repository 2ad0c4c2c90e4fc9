"""Questions: `ledger task`, `ledger report`."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
import typer

from ledger.cli import session, task_text
from ledger.reports import REPORTS
from ledger.reports.writers import WRITERS
from ledger.services.reporting import ReportRequest
from ledger.services.reporting import report as make_report
from ledger.services.task_pages import task_page

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="T", help="What was known at T: a day, or an instant with an offset. Default: now."),
]
On = Annotated[
    str | None, typer.Option("--on", metavar="D", help="The situation at the end of local day D. Default: today.")
]
Replay = Annotated[
    bool, typer.Option("--replay", help="Answer by replaying the log, not from the read models: slower, and the same.")
]


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.command()(task)
    app.command()(report)


def task(
    code: Annotated[str, typer.Argument(help="The task's code.")],
    as_of: AsOf = None,
    on: On = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    replay: Replay = False,
) -> None:
    """A task's state, charges and timeline."""
    with session.ledger() as ledger:
        page = task_page(ledger.queries(), code, as_of, on, replay=replay)
    if json:
        session.write_out(orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE), None)
        return
    session.stdout.print(f"Task {code} · on {page['on']} · as of {page['as_of']} · {page['position']:,} records known")
    session.stdout.print(task_text.facts(page))
    if page["charges"]:
        session.stdout.print(task_text.charges(page))
    session.stdout.print(task_text.timeline(page))


def report(
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
    replay: Replay = False,
) -> None:
    """A report at any pair of times: what was known as of T about the situation on D."""
    if format not in WRITERS:
        raise typer.BadParameter(f"{format!r} is not one of {', '.join(WRITERS)}", param_hint="--format")
    with session.ledger() as ledger:
        request = ReportRequest(name, as_of, on, baseline, unit, plan, task, replay)
        document = make_report(ledger.queries(), request)
        _, write = WRITERS[format]
        session.write_out(write(document), output)
