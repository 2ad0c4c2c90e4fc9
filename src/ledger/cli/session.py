"""What every command needs: an open ledger, errors in words with exit codes, and progress on long work."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from ledger import settings as configuration
from ledger.errors import (
    BadFile,
    BadQuery,
    DatabaseUnavailable,
    EmbeddedServerError,
    Lagging,
    LedgerError,
    MigrationError,
    NotFound,
    Refused,
    SettingsError,
)
from ledger.services.ledger import Ledger
from ledger.settings import Settings

stderr = Console(stderr=True, highlight=False, markup=False)
stdout = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)


class Exit(IntEnum):
    """What the exit code says."""

    PARTLY = 1
    BAD_INPUT = 2
    DATABASE = 3


_EXITS: dict[type[LedgerError], Exit] = {
    BadFile: Exit.BAD_INPUT,
    BadQuery: Exit.BAD_INPUT,
    NotFound: Exit.BAD_INPUT,
    Refused: Exit.BAD_INPUT,
    SettingsError: Exit.BAD_INPUT,
    DatabaseUnavailable: Exit.DATABASE,
    EmbeddedServerError: Exit.DATABASE,
    Lagging: Exit.DATABASE,
    MigrationError: Exit.DATABASE,
}


def show(*renderables: RenderableType) -> None:
    """They are on standard output, one below the other, with no blanks at the ends of lines."""
    out = io.StringIO()
    console = Console(file=out, width=stdout.width, highlight=False, markup=False, emoji=False, color_system=None)
    for renderable in renderables:
        console.print(renderable)
    for line in out.getvalue().splitlines():
        typer.echo(line.rstrip())


@contextmanager
def errors_in_words() -> Iterator[None]:
    """An error of the product's own ends the command with a sentence and an exit code, and no traceback."""
    try:
        yield
    except LedgerError as error:
        stderr.print(f"ledger: {error}")
        code = next((code for kind, code in _EXITS.items() if isinstance(error, kind)), Exit.PARTLY)
        raise typer.Exit(code) from error


@contextmanager
def settings() -> Iterator[Settings]:
    """The settings of this environment, inside `errors_in_words`."""
    with errors_in_words():
        yield configuration.load()


@contextmanager
def ledger() -> Iterator[Ledger]:
    """The ledger that the settings name, inside `errors_in_words`."""
    with settings() as loaded, Ledger(loaded) as opened:
        yield opened


class _Rate(ProgressColumn):
    """How many a second, lately."""

    def render(self, task: Task) -> Text:
        """Nothing until there is a rate."""
        rate = task.finished_speed or task.speed
        return Text("" if rate is None else f"{rate:,.0f}/s", style="progress.data.speed")


@contextmanager
def progress(what: str, *, in_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and remaining time on standard error, when that is a terminal; call it with (done, total)."""
    amounts = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else (MofNCompleteColumn(), _Rate())
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), *amounts, TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def warn(problems: Iterable[LedgerError]) -> None:
    """Each is on standard error; the command goes on."""
    for problem in problems:
        stderr.print(f"ledger: {problem}")


def write_out(content: bytes, output: str | None) -> None:
    """The bytes are on standard output, or in the file, as they are."""
    if output is None or output == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with open(output, "wb") as file:  # a name as the user gave it
            file.write(content)
    except OSError as error:
        raise BadFile(output, None, error.strerror or str(error)) from error
