"""The database that tests run against: one embedded server for the whole run, a fresh database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ledger.store.embedded import EmbeddedServer
from ledger.store.file_lock import FileLock
from ledger.store.postmaster import Postmaster
from ledger.store.server_account import account_for

TEMPLATE = "ledger_template"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")

# Where the server of this run lies; the main process tells it to the workers.
SERVER_DIR = "LEDGER_TESTS_SERVER_DIR"
_PREFIX = f"ledger-tests-{os.geteuid()}-"
_NEEDED_BYTES = 2**30
_ABANDONED_SECONDS = 900.0


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The run has directories of its own: for its files, and for its server.

    Pytest's usual one is shared by all runs of a user, and each closes it anew (chmod); as root that shuts out the
    account of another run's server.
    """
    if WORKER != "main":
        return
    if not config.option.basetemp:
        config.option.basetemp = tempfile.mkdtemp(prefix="ledger-tests-")
    scratch = _scratch()
    _remove_abandoned(scratch)
    os.environ[SERVER_DIR] = tempfile.mkdtemp(prefix=_PREFIX, dir=scratch)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Of a run that failed its files stay, to be looked at, without the server's; of one that passed, nothing."""
    if WORKER != "main":
        return
    shutil.rmtree(os.environ.pop(SERVER_DIR), ignore_errors=True)
    if exitstatus == 0:
        shutil.rmtree(session.config.option.basetemp, ignore_errors=True)


def _scratch() -> Path:
    """Memory where there is enough of it: copying a database takes 15 ms there, and up to 300 ms on a busy disk."""
    memory = Path("/dev/shm")  # noqa: S108 - only a directory made by mkdtemp is used
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _NEEDED_BYTES:
        return memory
    return Path(tempfile.gettempdir())


def _remove_abandoned(scratch: Path) -> None:
    """Servers of runs that were killed, which nobody else would ever stop."""
    for place in scratch.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - place.stat().st_mtime > _ABANDONED_SECONDS:
                with FileLock(place / "run" / "lease") as lease:
                    if lease.try_alone():
                        Postmaster(place / "postgres", place / "run", account_for(place / "run")).stop()
                        shutil.rmtree(place)


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated, empty ledger of one test's own."""

    owner: str
    """Connection string of the superuser, who may migrate and break things on purpose."""
    app: str
    """Connection string of the role that the application runs as."""


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    """One server for all workers of this run; durable=False, as no test outlives a crash of the machine."""
    with EmbeddedServer.start(Path(os.environ[SERVER_DIR]), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def _maintenance(embedded_server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(embedded_server.conninfo(), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def _template(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection) -> str:
    """The migrated database that the others are copies of. The first worker to come makes it."""
    from ledger.store.migrate import migrate  # noqa: PLC0415 - tests that need no database run without it

    with FileLock(embedded_server.data_dir / "template.lock") as lock:
        assert lock.alone(timeout=60)
        made = _maintenance.execute("SELECT FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if made is None:
            unfinished = f"{TEMPLATE}_{WORKER}"
            _maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
            migrate(embedded_server.conninfo(dbname=unfinished))
            _maintenance.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(TEMPLATE))
            )
    return TEMPLATE


_number = itertools.count(1)


def _fresh(server: EmbeddedServer, maintenance: psycopg.Connection, template: str) -> Iterator[Database]:
    name = f"test_{WORKER}_{next(_number)}"
    maintenance.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    yield Database(owner=server.conninfo(dbname=name), app=server.conninfo(user="ledger_app", dbname=name))
    maintenance.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection, _template: str) -> Iterator[Database]:
    """A migrated ledger without an event."""
    yield from _fresh(embedded_server, _maintenance, _template)


@pytest.fixture
def empty_database(embedded_server: EmbeddedServer, _maintenance: psycopg.Connection) -> Iterator[Database]:
    """A database without any table of ours, for tests of migrations."""
    yield from _fresh(embedded_server, _maintenance, "template0")
