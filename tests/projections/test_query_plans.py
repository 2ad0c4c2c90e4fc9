"""The hot reads find their rows by index, in tables as large as they will be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import sql
from tests.support.databases import NewDatabase, new_database
from tests.support.ledgers import both, opened
from tests.support.read_models import build_of

from ledger.projections.rows import Scope
from ledger.services.ledger import Ledger
from ledger.store import queries

__all__ = ["new_database"]
TASKS, VERSIONS = 2_000, 20
LAST = TASKS * VERSIONS
READING = queries.load("ledger.projections.sql", "reading.sql")
STORE = queries.load("ledger.store.sql", "log.sql")
"""Each task has been changed so often, once a round: its last row is known now, the others no more."""


@pytest.fixture(scope="module")
def ledger(new_database: NewDatabase) -> Iterator[Ledger]:
    """Read models of as many tasks, each with as many versions of which one is known now."""
    with new_database() as database, opened(database) as made, made.database.connection() as connection:
        connection.execute("UPDATE ledger.tracking SET position = %s", (LAST,))
        for name, table, columns in _FILLINGS:
            schema = sql.Identifier(build_of(made, name).schema)
            connection.execute(
                sql.SQL(
                    "INSERT INTO {schema}.{table} SELECT {columns}, v * {tasks} + n, CASE WHEN v < {last} THEN (v + 1) * {tasks} + n END "
                    "FROM generate_series(0, {tasks} - 1) AS n, generate_series(0, {last}) AS v"
                ).format(
                    schema=schema, table=sql.Identifier(table), columns=sql.SQL(columns),
                    tasks=sql.Literal(TASKS), last=sql.Literal(VERSIONS - 1),
                )
            )  # fmt: skip
            connection.execute(sql.SQL("ANALYZE {}.{}").format(schema, sql.Identifier(table)))
        yield made


_FILLINGS = (
    (
        "plan_state",
        "situation",
        "'T' || n, '2025-01-01'::date, NULL, 'U' || n % 20, 'open', NULL, NULL, '2025-02-01'::date, '2025-02-01'::date, "
        "'2025-02-01'::date, NULL, NULL, false, '[]'::jsonb, '{}'::jsonb",
    ),
    ("plan_state", "progress", "'T' || n, '2025-01-01'::date, NULL, 5000, '2025-01-09'::date"),
    (
        "deadline_history",
        "deadline_change",
        "'T' || n, v * 2000 + n, 0, '2025-01-09', '2025-01-09'::date, 'extended', 'U1', NULL, '2025-02-01'::date, 'null', "
        "'null', NULL, 'AUTH', NULL, NULL, '[]', false",
    ),
    (
        "timeline",
        "timeline",
        "'T' || n, v + 1, v * 2000 + n, 0, '2025-01-09', '2025-01-09'::date, 't', 'e', 'U1', NULL, '{}', NULL",
    ),
)


def plan(ledger: Ledger, name: str, position: int, scope: Scope, **more: Any) -> dict[str, set[str]]:
    """By table: the ways in which the plan of that read comes to its rows."""
    with both(ledger, position, dt.date(2025, 3, 1)) as (models, _):
        seen: list[tuple[Any, Any]] = []
        execute = models._connection.execute

        def explain(statement: Any, parameters: Any) -> Any:
            row = execute(sql.SQL("EXPLAIN (FORMAT JSON) ") + statement, parameters).fetchone()
            seen.append(row[0])
            return execute(statement, parameters)

        models._connection.execute = explain
        try:
            getattr(models, name)(*((scope,) if scope else ()), **more)
        finally:
            del models._connection.execute
    found: dict[str, set[str]] = {}
    for (explained,) in seen:
        walk(explained["Plan"], found)
    return found


def walk(node: dict[str, Any], found: dict[str, set[str]]) -> None:
    if "Relation Name" in node:
        found.setdefault(node["Relation Name"], set()).add(node["Node Type"])
    for child in node.get("Plans", ()):
        walk(child, found)
