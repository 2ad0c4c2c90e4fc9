"""What entries look like: `ledger schemas`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from ledger.cli import session
from ledger.domain.events import EVENT_TYPES
from ledger.errors import BadFile, NotFound
from ledger.store import schemas as entry_schemas


def register(app: typer.Typer) -> None:
    """The commands of this module are part of the application."""
    app.command()(schemas)


def schemas(
    name: Annotated[str | None, typer.Argument(metavar="TYPE", help="An event type, such as task.assigned.")] = None,
    v: Annotated[int | None, typer.Option("--v", help="The schema version. Default: the one written now.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write every schema into this folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """The JSON Schema of entries: of one event type, or the list of all types and versions."""
    with session.errors_in_words():
        if folder is not None:
            _write(folder)
        elif name is not None:
            known = EVENT_TYPES.get(name)
            if known is None:
                raise NotFound("event type", f"{name}: `ledger schemas` lists them")
            typer.echo(_text(name, known.schema_version if v is None else v), nl=False)
        elif json:
            listed = [{"type": each, "v": version} for each, version in entry_schemas.versions()]
            typer.echo(orjson.dumps(listed).decode())
        else:
            for each, version in entry_schemas.versions():
                typer.echo(f"{each:<32} v{version}")


def _text(name: str, v: int) -> str:
    return orjson.dumps(
        entry_schemas.entry_schema(name, v), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    ).decode()


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, v in entry_schemas.versions():
            (folder / f"{name}.v{v}.json").write_text(_text(name, v), encoding="utf-8")
    except OSError as error:
        raise BadFile(str(error.filename or folder), None, error.strerror or str(error)) from error
    typer.echo(f"{len(list(entry_schemas.versions()))} schemas in {folder}")
