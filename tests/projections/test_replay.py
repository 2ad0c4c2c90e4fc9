"""For any history, at any position and on any day: the read models answer what a fold over the log answers."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.support.databases import NewDatabase
from tests.support.effort import examples
from tests.support.histories import random_lines
from tests.support.ledgers import answers, beginnings, both, opened, record, submit

from ledger.projections.rows import Scope
from ledger.services.answers import Recorded
from ledger.services.ledger import Ledger

TASKS = ("T1", "T2", "T3", "Tâche ộ/4")
SCOPES = (
    Scope(),
    Scope(units=frozenset({"U1", "U3"})),
    Scope(plan="P1"),
    Scope(task="T2"),
    Scope(units=frozenset({"U2"}), plan="P1", task="T1"),
    Scope(units=frozenset()),
    Scope(plan="P9"),
)


def in_batches(ledger: Ledger, chance: random.Random, lines: list[bytes]) -> Counter[str]:
    """What became of the lines, put in batches of any size, with the read models following now and then."""
    became: Counter[str] = Counter()
    while lines:
        batch, lines = lines[: (size := chance.randint(1, 12))], lines[size:]
        became.update(type(outcome).__name__ for outcome in submit(ledger, *batch))
        if chance.random() < 0.5:
            ledger.runner.catch_up()
    return became


@examples(6)
@given(seed=st.integers(0, 2**32), count=st.integers(4, 45))
def test_read_models_answer_what_a_fold_over_the_log_answers(new_database: NewDatabase, seed: int, count: int) -> None:
    chance = random.Random(seed)
    with new_database() as database, opened(database) as ledger:
        record(ledger, *beginnings())
        in_batches(ledger, chance, random_lines(chance, TASKS, count))
        position = ledger.runner.catch_up()
        for known in range(position + 1):
            check_equal(ledger, chance, known, dt.date(2025, 3, 1) + dt.timedelta(chance.randint(-1, 33)))


def check_equal(ledger: Ledger, chance: random.Random, known: int, on: dt.date) -> None:
    scopes = (SCOPES[0], *chance.sample(SCOPES[1:], 2))
    tasks = chance.sample(TASKS, 2)
    with both(ledger, known, on) as (models, replay):
        found, expected = answers(models, scopes, tasks), answers(replay, scopes, tasks)
    for question, answer in expected.items():
        assert found[question] == answer, f"{question} as known at {known}, on {on}"


def test_such_histories_are_worth_something(ledger: Ledger) -> None:
    """Most lines are taken, and every kind of row has been there."""
    chance = random.Random(57)
    became = in_batches(ledger, chance, random_lines(chance, TASKS, 400))
    assert became["Refused"] > 50
    assert became[Recorded.__name__] > 100
    ledger.runner.catch_up()
    with ledger.database.connection() as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'rm\\_%'"
        ).fetchall()
        for (table,) in tables:
            row = connection.execute(f"SELECT count(known_to), count(*) - count(known_to) FROM {table}").fetchone()
            assert row is not None
            assert row[1] > 0, f"nothing is known now in {table}"
            assert row[0] > 0, f"nothing was ever corrected in {table}"
