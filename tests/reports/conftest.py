"""Ledgers that the tests of reports ask."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import orjson
import psycopg
import pytest
from tests.conftest import Database, _fresh
from tests.support.ledgers import beginnings, opened, record

from ledger.services.ledger import Ledger
from ledger.store.embedded import EmbeddedServer

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """A ledger of March 2025 with some units and a plan."""
    with opened(database) as opened_ledger:
        record(opened_ledger, *beginnings())
        yield opened_ledger


@pytest.fixture(scope="module")
def proposals(
    embedded_server: EmbeddedServer,
    _maintenance: psycopg.Connection,
    _template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    """The Kubernetes proposals, imported as history; only to be read."""
    script = script_of(EXAMPLES / "kubernetes-enhancements" / "convert.py")
    file = tmp_path_factory.mktemp("proposals") / "commands.ndjson"
    file.write_bytes(b"".join(orjson.dumps(command) + b"\n" for command in script.commands()))
    for database in _fresh(embedded_server, _maintenance, _template):
        with opened(database, "2026-08-01T12:00:00+07:00") as opened_ledger:
            summary = opened_ledger.importer.history(file, lambda _, __: None, lambda _, __: None)
            assert summary.recorded == summary.lines > 3_000
            yield opened_ledger


def script_of(path: Path) -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(path.parent.name.replace("-", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
