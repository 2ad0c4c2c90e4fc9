"""The hot reads find their rows by index, and not by reading all that was ever known."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from tests.conftest import Database
from tests.support.databases import NewDatabase
from tests.support.ledgers import opened
from tests.support.read_models import build_of

from ledger.services.ledger import Ledger
from ledger.store import queries
from ledger.store.append import Append

TASKS, TIMES = 1_000, 12
"""So many tasks, and so many times each was changed, round by round: one row in twelve is known now."""
READING = queries.load("ledger.projections.sql", "reading.sql")
STORE = queries.load("ledger.store.sql", "log.sql") | {
    "standing": re.sub(
        rb"\$\d", b"%b", queries.load("ledger.store.sql", "standing.sql")["standing"].replace(b"%", b"%%")
    )
}

_KNOWN = f"t * {TASKS} + n, CASE WHEN t < {TIMES - 1} THEN (t + 1) * {TASKS} + n END"
_ROUNDS = f"generate_series(0, {TIMES - 1}) AS t, generate_series(0, {TASKS - 1}) AS n"
_DUE = "'2025-02-01'::date"
_NONE = "NULL::date"
_ROWS: dict[tuple[str, str], LiteralString] = {
    ("plan_state", "standing"): f"'T' || n, {_DUE}, {_NONE}, 'U' || n % 20, 'open', false, {_NONE}, {_DUE}, "
    f"{_NONE}, {_NONE}, false, '[]'::jsonb",
    ("plan_state", "situation"): f"'T' || n, {_DUE}, {_NONE}, 'U' || n % 20, 'open', false, {_NONE}, {_DUE}, "
    f"'[]'::jsonb, '{{}}'",
    ("plan_state", "progress"): f"'T' || n, {_DUE} + t, t + 1, 5000, {_DUE} + t",
    ("deadline_history", "deadline_change"): f"'T' || n, t * 1000 + n, 0, '', {_DUE}, 'extended', 'U1', {_NONE}, "
    f"{_DUE}, 'null', 'null', NULL, 'AUTH', NULL, NULL, '[]', false",
    ("timeline", "timeline"): f"'T' || n, t + 1, t * 1000 + n, 0, '', {_DUE}, 't', 'e', 'U1', NULL, '{{}}', "
    "NULL::int",
    ("requests", "request"): f"'T' || n, t + 1, 'review', 'U1', 'U1', 'REV', {_DUE}, {_NONE}, NULL",
    ("charges", "epoch"): f"'T' || n, 'both', {_DUE}, {_NONE}, {_DUE}, 'null'",
    ("charges", "charge"): f"'T' || n, 'both', {_DUE}, {_DUE}, {_NONE}, {_NONE}, 'U1', 'lead', NULL, false, "
    "'{0}'::bigint[], '[]'",
}  # fmt: skip
"""By (projection, table): the columns of the row of task n as it became known the t-th time."""


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> Iterator[Database]:
    """One for all tests of this module."""
    with new_database() as made:
        yield made


@pytest.fixture(scope="module")
def ledger(database: Database) -> Iterator[Ledger]:
    """Its read models hold as many rows as a few years make; what is in them does not matter."""
    with opened(database) as made:
        with made.database.connection() as connection:
            for (projection, table), columns in _ROWS.items():
                name = sql.Identifier(build_of(made, projection).schema, table)
                connection.execute(
                    sql.SQL("INSERT INTO ") + name + sql.SQL(f" SELECT {columns}, {_KNOWN} FROM {_ROUNDS}")  # type: ignore[arg-type]  # ours
                )
                connection.execute(sql.SQL("ANALYZE {}").format(name))
        yield made


def indexes(ledger: Ledger, statement: bytes, **parameters: object) -> dict[str, set[str]]:
    """By table: the indexes by which its rows are found, and "none" when they are looked for in all of it."""
    known = {"position": TASKS * TIMES, "last": TASKS * TIMES - 1, "on": dt.date(2025, 3, 1), "baseline": "active"}
    unset = dict.fromkeys(("units", "plan", "task", "after", "limit"))
    given = unset | {"only_open": False, "only_overdue": False} | known | parameters
    schemas = {p.name: sql.Identifier(build_of(ledger, p).schema) for p in ledger.projections}
    with ledger.database.connection() as connection:
        explain = sql.SQL("EXPLAIN (FORMAT JSON) ") + sql.SQL(statement.decode()).format(**schemas)  # type: ignore[arg-type]  # ours
        row = connection.execute(explain, given).fetchone()
    assert row is not None
    found: dict[str, set[str]] = {}
    _walk(row[0][0]["Plan"], found)
    return found


def _walk(node: dict[str, Any], found: dict[str, set[str]]) -> None:
    names = [each["Index Name"] for each in (node, *node.get("Plans", ())) if "Index Name" in each]
    if "Relation Name" in node:
        found.setdefault(node["Relation Name"], set()).update(names or ["none"])
    for child in node.get("Plans", ()):
        _walk(child, found)


@pytest.mark.parametrize("position", [TASKS * 7 + 5, TASKS * TIMES])
@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("task_page", {"situation", "progress"}),
        ("status_counts", {"standing"}),
        ("ends_before_start", {"standing"}),
        ("deadline_changes", {"deadline_change"}),
        ("requests", {"request"}),
        ("timeline", {"timeline"}),
        ("slips", {"charge", "epoch"}),
        ("baseline", {"epoch"}),
    ],
)
def test_what_is_asked_about_one_task_reads_the_rows_of_that_task(
    ledger: Ledger, name: str, tables: set[str], position: int
) -> None:
    found = indexes(ledger, READING[name], task="T77", position=position, last=position - 1)
    assert tables <= found.keys()
    for table in tables:
        # standing_early_idx holds the few flagged tasks only.
        assert found[table] <= {f"{table}_task_idx", f"{table}_early_idx"}, found


@pytest.mark.parametrize("position", [TASKS * 7 + 5, TASKS * TIMES])
def test_the_flagged_tasks_are_found_without_looking_at_the_others(ledger: Ledger, position: int) -> None:
    found = indexes(ledger, READING["ends_before_start"], position=position, last=position - 1)
    assert found["standing"] == {"standing_early_idx"}, found


@pytest.mark.parametrize("position", [TASKS // 2, TASKS * 7 + 5, TASKS * TIMES])
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("tasks", "situation"),
        ("status_counts", "standing"),
        ("deadline_changes", "deadline_change"),
        ("requests", "request"),
        ("slips", "charge"),
    ],
)
def test_what_is_asked_about_all_tasks_reads_what_was_known_then(
    ledger: Ledger, name: str, table: str, position: int
) -> None:
    """A report costs what it returns, and not what the history holds."""
    found = indexes(ledger, READING[name], position=position, last=position - 1)
    assert found[table] == {f"{table}_range_idx"}, found


@pytest.mark.parametrize("position", [TASKS // 2, TASKS * 7 + 5, TASKS * TIMES])
def test_the_progress_of_each_task_is_looked_up(ledger: Ledger, position: int) -> None:
    """The last report by a day, and not all that were ever given."""
    found = indexes(ledger, READING["tasks"], position=position, last=position - 1)
    assert found["progress"] == {"progress_task_idx"}, found


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("entries", (7_000, 8_000, 500)),
        ("position_at", (5_000,)),
        ("stream_entries", (["task/T7"], [3], 15_000)),
        ("stream_versions", (["task/T7"],)),
        ("directory_entries", (9_000,)),
        ("history_entries", (9_000,)),
        ("standing", (["task/T7"], ["U1"], ["k"])),
    ],
)
@pytest.mark.usefixtures("filled")
def test_the_log_is_read_by_index(ledger: Ledger, name: str, parameters: tuple[object, ...]) -> None:
    with ledger.database.connection() as connection:
        row = connection.execute(b"EXPLAIN (FORMAT JSON) " + STORE[name], parameters).fetchone()
    assert row is not None
    found: dict[str, set[str]] = {}
    _walk(row[0][0]["Plan"], found)
    assert found
    assert all(names != {"none"} for names in found.values()), found


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("stream_entries", ([f"task/T{n}" for n in range(100, 160)], [0] * 60, 15_000)),
        ("stream_range", ("task/T100", "task/T160", 2_000)),
    ],
)
@pytest.mark.usefixtures("filled")
def test_streams_are_read_without_looking_at_the_rest_of_the_log(
    ledger: Ledger, name: str, parameters: tuple[object, ...]
) -> None:
    """Neither at its entries nor at their positions, though many streams are read at once."""
    with ledger.database.connection() as connection:
        row = connection.execute(b"EXPLAIN (FORMAT JSON) " + STORE[name], parameters).fetchone()
    assert row is not None
    found: dict[str, set[str]] = {}
    _walk(row[0][0]["Plan"], found)
    assert found == {"log": {"log_stream_version_key"}}, found


@pytest.fixture(scope="module")
def filled(ledger: Ledger, database: Database) -> None:
    """The log is long too."""
    events = tuple(("task.test", b"{}") for _ in range(20))
    ledger.committer.append([Append(f"task/T{n}", 0, events) for n in range(1_000)])
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("ANALYZE ledger.log")
