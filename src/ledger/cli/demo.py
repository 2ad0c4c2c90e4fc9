"""`ledger demo`: a real history, who slipped what in it, and the API on it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ledger.cli import serve, session
from ledger.errors import LedgerError, NotForDemo
from ledger.reports.language import Translator, translator
from ledger.reports.writers.table import write_table
from ledger.services.commands import Outcome
from ledger.services.demo import write_commands
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report

MOST = 10


def register(app: typer.Typer) -> None:
    """The command of this module is part of the application."""
    app.command()(demo)


def demo(
    serve_api: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the API afterwards.")] = True,
    port: Annotated[int | None, typer.Option(help="The port to listen on. Default: LEDGER_PORT.")] = None,
) -> None:
    """Load a real history into an empty ledger, print who slipped what, and serve the API.

    The history is that of the Kubernetes enhancement proposals: 1,242 promised stages and 599 postponements.
    """
    with session.ledger() as ledger:
        _load(ledger)
        queries = ledger.queries()
        language = ledger.settings.language
        status = report(queries, ReportRequest("status"))
        session.write_out(write_table(status, language, session.stdout.width), None)
        slipped = report(queries, ReportRequest("slip")).as_json()["tasks"]
        session.show(_most(slipped, translator(language)))
        if serve_api:
            host, number = ledger.settings.host, ledger.settings.port if port is None else port
            session.show(f"The API answers on http://{host}:{number}/v1/reports/status (Ctrl-C ends it)")
            serve.run(ledger, host, number)


def _load(ledger: Ledger) -> None:
    """The example is in the ledger, now or since before; raises `NotForDemo` when anything else is."""
    failures: list[str] = []

    def note(number: int, outcome: Outcome) -> None:
        if isinstance(outcome, LedgerError):
            failures.append(f"line {number}: {outcome}")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kubernetes-enhancements.ndjson"
        write_commands(file)
        with session.progress("Loading the example") as advance:
            if not ledger.importer.holds_only(file):
                raise NotForDemo(
                    "this ledger holds records of its own: show the demo another data directory by LEDGER_DATA_DIR"
                )
            ledger.importer.history(file, note, advance)
    if failures:
        raise NotForDemo(f"the example was not taken whole: {failures[0]}")
    with session.progress("Following the log") as advance:
        ledger.runner.catch_up(progress=advance)


def _most(slipped: list[dict[str, Any]], speak: Translator) -> Table:
    """The tasks that slipped most, with who is charged."""
    table = Table(
        title=speak.text("The {n} tasks that slipped most", n=MOST),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in (speak.text("Task"), speak.text("Title"), speak.text("Lead"), speak.text("Baseline")):
        table.add_column(heading, overflow="fold")
    table.add_column(speak.text("Status"))
    table.add_column(speak.text("Days"), justify="right", no_wrap=True)
    table.add_column(speak.text("Charged"), overflow="fold")
    for task in sorted(slipped, key=lambda task: (-task["slip"]["calendar_days"], task["task"]))[:MOST]:
        charged = (
            f"{c['unit']} {speak.number(c['calendar_days'])} ({speak.word(c['cause'])})" for c in task["charges"]
        )
        table.add_row(
            task["task"],
            task["title"],
            task["lead"],
            speak.date(task["baseline"]["date"]),
            speak.word(task["status"]),
            speak.number(task["slip"]["calendar_days"]),
            ", ".join(charged),
        )
    return table
