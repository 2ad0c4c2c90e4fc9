"""What every benchmark needs: a fresh database on a durable server, clocks, and a table to print."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import migrate

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
RESULTS = Path(__file__).parent / "results"


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The superuser's conninfo of a server of its own, with durable commits, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder, EmbeddedServer.start(Path(folder)) as started:
        with psycopg.connect(started.conninfo()) as connection:
            for setting in DURABLE:
                assert connection.execute(f"SHOW {setting}").fetchone() == ("on",), f"{setting} is to be on"
        yield started.conninfo()


@contextlib.contextmanager
def empty_database(conninfo: str) -> Iterator[str]:
    """The conninfo of a fresh database on the server, dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield make_conninfo(conninfo, dbname=name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def database(conninfo: str) -> Iterator[str]:
    """The same with an empty ledger in it."""
    with empty_database(conninfo) as made:
        migrate(made)
        yield made


def settle(conninfo: str) -> None:
    """The server has done what it does by itself in the minutes after a load.

    Tables are vacuumed and analyzed, and written. Otherwise whoever reads a row first marks its page, which is then
    written to the log of changes as a whole: over a million events that takes 7 s, once.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def machine(conninfo: str) -> dict[str, str]:
    """What the figures are of: the machine, the server and the settings that durability rests on."""
    with psycopg.connect(conninfo) as connection:
        shown = {
            name: str(*connection.execute(f"SHOW {name}").fetchone() or ()) for name in ("server_version", *DURABLE)
        }
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return {
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "PostgreSQL": shown.pop("server_version").split()[0],
        **shown,
        "load before": load,
    }


def timed(work: Callable[[], object]) -> float:
    """The seconds that the work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def show(title: str, rows: list[dict[str, Any]], about: dict[str, str] | None = None) -> None:
    """The rows are printed as a table, and written as JSON below bench/results, with what they are of."""
    print(f"\n{title}")
    columns = sorted(dict.fromkeys(name for row in rows for name in row), key=lambda name: name.startswith("runs"))
    texts = [[as_text(row.get(c, "")) for c in columns] for row in rows]
    widths = [
        max(len(c), *(len(t[i]) for t, row in zip(texts, rows, strict=True) if len(row) > 1))
        for i, c in enumerate(columns)
    ]
    print("  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(columns, widths, strict=True))))
    for text in texts:
        print(
            "  ".join(
                t.rjust(w) if i else t.ljust(w) for i, (t, w) in enumerate(zip(text, widths, strict=True))
            ).rstrip()
        )
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{title.lower().replace(' ', '-')}.json"
    file.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")


def as_text(value: object) -> str:
    """As tables show it."""
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    if isinstance(value, list):
        return " ".join(f"{each:,}" for each in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
