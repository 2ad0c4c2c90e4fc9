"""`ledger erase`: destroy texts for good."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

import orjson
import typer
from rich import box
from rich.table import Table

from ledger.cli import session
from ledger.errors import BadQuery
from ledger.reports.writers.cells import plain
from ledger.services import erasing
from ledger.services.erasing import Erased, Found, Grounds, Target
from ledger.services.ledger import Ledger

_SHOWN = 60
"""Characters of a text that are shown before it is destroyed."""


def register(app: typer.Typer) -> None:
    """The command of this module is part of the application."""
    app.command()(erase)


def erase(  # noqa: PLR0913, PLR0917 - each is an option of the command
    legal_basis: Annotated[
        str, typer.Option(metavar="CODE", help="What allows or demands it, such as GDPR-17-1-b; it is recorded.")
    ],
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Destroy this personal name wherever it was given, and every free text in which it stands.",
        ),
    ] = None,
    event: Annotated[str | None, typer.Option(metavar="ID", help="Destroy the texts of this event.")] = None,
    field: Annotated[
        str | None, typer.Option(metavar="PATH", help="With --event: this text only, such as data.narrative.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, in words; it is recorded as a text, so do not name the subject.")
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="U", help="The unit that acts.")] = None,
    by: Annotated[str | None, typer.Option(metavar="PERSON", help="Who acts for it.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be destroyed, and destroy nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Destroy texts and their salts, and record an event that says which, and on what legal basis. It cannot be undone.

    Entries and proofs stay as they are; reports show `erased`. Backups, older exports and imported files are not
    reached: docs/operations.md says what is to be done about them. Run again, it finds what is left.
    """
    with session.ledger() as ledger:
        if (subject is None) == (event is None) or (field is not None and event is None):
            raise BadQuery("subject", "give either --subject NAME, or --event ID with or without --field PATH")
        grounds = Grounds(legal_basis, reason, unit, by)
        erasing.check_grounds(ledger, grounds)
        if subject is not None:
            erasing.check_unnamed(subject, grounds)
        find = partial(_find, ledger, subject, event, field)
        found = find()
        if not json:
            _show(found)
        if not (yes or dry_run) and found.targets:
            typer.confirm(f"Destroy {len(found.targets):,} texts for good?", abort=True, err=True)
        done = Erased((), ()) if dry_run else erasing.erase(ledger, found, find, grounds)
    if json:
        typer.echo(orjson.dumps(_json(found, done, dry_run=dry_run)).decode())
    elif dry_run:
        typer.echo(f"{len(found.targets):,} texts would be destroyed; nothing was")
    elif done.events:
        typer.echo(f"{len(done.targets):,} texts destroyed; recorded at position {', '.join(map(str, done.events))}")
    else:
        typer.echo("there is no such text (any more): nothing was destroyed, and nothing recorded")


def _find(ledger: Ledger, subject: str | None, event: str | None, field: str | None) -> Found:
    if event is not None:
        return erasing.find_event(ledger, event, field)
    with session.progress("Reading texts") as advance:
        return erasing.find_subject(ledger, subject or "", advance)


def _show(found: Found) -> None:
    if found.targets:
        session.show(_table(found.targets))
    if found.similar:
        typer.echo("Left alone, because more stands there than the name; erase them by their own name or by --event:")
        session.show(_table(found.similar))


def _table(targets: Iterable[Target]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Position", "Stream", "Event", "Field", "Text"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "Position" else "left")
    for target in targets:
        text = plain(target.text)
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        table.add_row(str(target.position), target.stream, str(target.event), target.field, shown)
    return table


def _json(found: Found, done: Erased, *, dry_run: bool) -> dict[str, Any]:
    """Without the texts: what is printed may be kept."""
    targets = found.targets if dry_run else done.targets
    return {
        "dry_run": dry_run,
        "texts": [_place(target) for target in targets],
        "similar": [_place(target) for target in found.similar],
        "events": list(done.events),
    }


def _place(target: Target) -> dict[str, Any]:
    return {
        "position": target.position,
        "stream": target.stream,
        "event": str(target.event),
        "type": target.type,
        "field": target.field,
    }
