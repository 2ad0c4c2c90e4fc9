"""What every benchmark needs: a fresh database on a durable server, clocks, and a table to print."""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from ledger.store.embedded import EmbeddedServer
from ledger.store.migrate import migrate

RESULTS = Path(__file__).parent / "results"


@contextlib.contextmanager
def server() -> Iterator[EmbeddedServer]:
    """A server of its own, with fsync on, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder, EmbeddedServer.start(Path(folder)) as started:
        with psycopg.connect(started.conninfo()) as connection:
            row = connection.execute("SHOW fsync").fetchone()
            assert row == ("on",), "a benchmark measures durable commits"
        yield started


@contextlib.contextmanager
def database(started: EmbeddedServer) -> Iterator[str]:
    """The conninfo of a fresh, migrated database, dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(started.conninfo(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    conninfo = started.conninfo(dbname=name)
    migrate(conninfo)
    yield conninfo
    with psycopg.connect(started.conninfo(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def timed(work: Callable[[], object]) -> float:
    """The seconds that the work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(runs: int, *works: Callable[[], float]) -> list[float]:
    """The median of what each returns, over runs that take turns, so that a slow minute slows all alike."""
    results: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for index, work in enumerate(works):
            results[index].append(work())
    return [statistics.median(result) for result in results]


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """The rows are printed as a table, and written as JSON below bench/results."""
    print(f"\n{title}")
    columns = list(rows[0])
    texts = [[f"{row[c]:,.2f}" if isinstance(row[c], float) else f"{row[c]}" for c in columns] for row in rows]
    widths = [max(len(c), *(len(t[i]) for t in texts)) for i, c in enumerate(columns)]
    print("  ".join(c.ljust(w) for c, w in zip(columns, widths, strict=True)))
    for text in texts:
        print("  ".join(t.rjust(w) if i else t.ljust(w) for i, (t, w) in enumerate(zip(text, widths, strict=True))))
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{title.lower().replace(' ', '-')}.json"
    file.write_text(json.dumps(rows, indent=1))
