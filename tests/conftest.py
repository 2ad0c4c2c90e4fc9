"""The database that tests run against: one embedded server for the whole run, a fresh database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ledger.store.embedded import EmbeddedServer
from ledger.store.file_lock import FileLock

TEMPLATE = "ledger_template"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_OWN_BASETEMP = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """A temporary directory of this run's own.

    The usual one is shared by all runs of a user, and each closes it anew (chmod); as root that shuts out the account
    of another run's PostgreSQL server.
    """
    if WORKER == "main" and not config.option.basetemp:
        config.option.basetemp = tempfile.mkdtemp(prefix="ledger-tests-")
        config.stash[_OWN_BASETEMP] = Path(config.option.basetemp)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Of a run that failed the small files stay, to be looked at; of one that passed, nothing."""
    basetemp = session.config.stash.get(_OWN_BASETEMP, None)
    if basetemp is not None:
        shutil.rmtree(basetemp if exitstatus == 0 else basetemp / "embedded", ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated, empty ledger of one test's own."""

    owner: str
    """Connection string of the superuser, who may migrate and break things on purpose."""
    app: str
    """Connection string of the role that the application runs as."""


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One server for all workers of this run; durable=False, as no test outlives a crash of the machine."""
    run_dir = tmp_path_factory.getbasetemp()
    if WORKER != "main":
        run_dir = run_dir.parent
    with EmbeddedServer.start(run_dir / "embedded", durable=False) as server:
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
