"""The same events by others, on the same server: the library's recorder, pgbench, Emmett."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from bench.appends import STATE, TYPE
from bench.cases import Done, SkippedError, case, program
from bench.support import empty_database, timed
from ledger.store.postmaster import installed

EMMETT = Path(__file__).parent / "emmett"
INSTALLED = Path(__file__).parents[1] / ".cache" / "emmett"
ROWS = """
CREATE TABLE event (id bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, type text NOT NULL,
                    entry bytea NOT NULL)
"""


def datastore_of(conninfo: str, size: int = 16) -> PostgresDatastore:
    """The library's own pool of connections."""
    given = conninfo_to_dict(conninfo)
    return PostgresDatastore(
        dbname=str(given["dbname"]),
        host=str(given["host"]),
        port=str(given.get("port", 5432)),
        user=str(given["user"]),
        password="",
        pool_size=size,
    )


def library(conninfo: str, writers: int, events: int) -> Done:
    """The library's default PostgreSQL recorder."""
    with empty_database(conninfo) as made:
        datastore = datastore_of(made)
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()

        def work(count: int) -> None:
            for _ in range(count):
                recorder.insert_events([StoredEvent(uuid.uuid4(), 1, TYPE, STATE)])

        def all_writers() -> None:
            with ThreadPoolExecutor(writers) as pool:
                for job in [pool.submit(work, events // writers) for _ in range(writers)]:
                    job.result()

        work(50)
        seconds = timed(all_writers)
        datastore.close()
    return Done(events // writers * writers, seconds)


@case("appends-1", "library's recorder, 1 writer", share=0.05)
def library_one(conninfo: str, events: int) -> Done:
    """One connection."""
    return library(conninfo, 1, events)


@case("appends-16", "library's recorder, 16 writers", share=0.05)
def library_sixteen(conninfo: str, events: int) -> Done:
    """Sixteen connections."""
    return library(conninfo, 16, events)


def pgbench(conninfo: str, clients: int, events: int) -> Done:
    """Pgbench with one prepared INSERT a transaction, of a row of the same size."""
    binary = shutil.which("pgbench", path=f"{installed()[0] / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if binary is None:
        raise SkippedError("pgbench is not installed (Debian: postgresql-contrib)")
    with empty_database(conninfo) as made, tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        with psycopg.connect(made, autocommit=True) as connection:
            connection.execute(ROWS)
        script.write(
            "\\set n random(1, 9000000000000000)\n"
            "INSERT INTO event (stream, version, type, entry) "
            f"VALUES ('task/' || :n, 1, '{TYPE}', '\\x{STATE.hex()}');\n"
        )
        script.flush()
        given = conninfo_to_dict(made)
        command = [binary, "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2",
                   f"--transactions={events // clients}", f"--file={script.name}", f"--host={given['host']}",
                   f"--username={given['user']}", str(given["dbname"])]  # fmt: skip
        said, memory = program(command)
    found = re.search(r"tps = ([\d.]+)", said)
    assert found, said
    return Done(events // clients * clients, events // clients * clients / float(found[1]), memory)


@case("appends-1", "pgbench INSERT, 1 client", share=0.1)
def pgbench_one(conninfo: str, events: int) -> Done:
    """One client."""
    return pgbench(conninfo, 1, events)


@case("appends-16", "pgbench INSERT, 16 clients", share=0.25)
def pgbench_sixteen(conninfo: str, events: int) -> Done:
    """Sixteen clients."""
    return pgbench(conninfo, 16, events)


def emmett(conninfo: str, writers: int, events: int) -> Done:
    """Emmett's PostgreSQL store, one event an append, each to a stream of its own."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise SkippedError("Node is not installed (node and npm)")
    if not (INSTALLED / "node_modules").exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(EMMETT / name, INSTALLED)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        fetched = subprocess.run(command, cwd=INSTALLED, capture_output=True, text=True, check=False)
        if fetched.returncode != 0:
            shutil.rmtree(INSTALLED)
            raise SkippedError(
                "npm cannot fetch it: " + (fetched.stderr.strip().splitlines() or ["no reason given"])[-1]
            )
    shutil.copy(EMMETT / "append.mjs", INSTALLED)
    with empty_database(conninfo) as made:
        given = conninfo_to_dict(made)
        url = f"postgresql://{given['user']}@localhost/{given['dbname']}?host={given['host']}"
        counts = [str(each) for each in (writers, events // writers, len(STATE))]
        said, memory = program([node, "append.mjs", url, *counts], INSTALLED)
    done = json.loads(said.splitlines()[-1])
    return Done(done["count"], done["seconds"], memory)


@case("appends-1", "Emmett, 1 writer", share=0.03)
def emmett_one(conninfo: str, events: int) -> Done:
    """One at a time."""
    return emmett(conninfo, 1, events)


@case("appends-16", "Emmett, 16 writers", share=0.05)
def emmett_sixteen(conninfo: str, events: int) -> Done:
    """Sixteen promises at a time."""
    return emmett(conninfo, 16, events)
