"""The ledger's keeper: `ledger migrate`, `ledger info`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from msgspec import to_builtins

from ledger.cli import session
from ledger.domain.times import utc_text
from ledger.services.cosigning import together
from ledger.store.migrate import migrate as migrate_database
from ledger.store.server import owner


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.command()(migrate)
    app.command()(info)


def migrate() -> None:
    """Bring the database's schema up to date. On a server of your own, run it as the database's owner."""
    with session.settings() as settings, owner(settings) as conninfo:
        applied = migrate_database(conninfo)
    typer.echo("\n".join(f"applied {name}" for name in applied) if applied else "the schema is up to date")


def info(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Which ledger this is, and how far it has come."""
    with session.ledger() as ledger:
        head = ledger.log.head()
        imports = [{"name": file.name, "sha256": file.sha256} for file in ledger.log.imports(head.next_position)]
        facts: dict[str, Any] = {
            "database": "your server" if ledger.settings.database_url else "embedded",
            "data_dir": None if ledger.settings.database_url else str(ledger.settings.data_dir),
            "time_zone": ledger.zone.key,
            "records": head.next_position,
            "last_recorded_at": utc_text(head.recorded_at) if head.next_position else None,
            "live_from": head.live_from,
            "root": ledger.tiles.root(head.next_position).hex(),
            "witnesses": [to_builtins(standing) for standing in together.standings(ledger)],
            "imports": ledger.texts.opened(imports),
        }
    if json:
        typer.echo(orjson.dumps(facts).decode())
        return
    for standing in facts.pop("witnesses"):
        when = f"{standing['size']:,} entries at {standing['time']}" if standing["time"] else "nothing yet"
        typer.echo(f"{'witness':<17} {standing['name']} has cosigned {when}, and is {standing['behind']:,} behind")
    for name, value in facts.items():
        if value not in (None, []):
            typer.echo(f"{name.replace('_', ' '):<17} {value}")
