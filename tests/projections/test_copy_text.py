"""Rows written as COPY's text are the rows that the database then holds."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Database
from tests.support.effort import examples

from ledger.projections.copy_text import copy_text

TEXT = st.text(st.one_of(st.sampled_from("\\\t\n\r.N{},\"'"), st.characters(exclude_characters="\0", codec="utf-8")))
ROWS = st.lists(
    st.tuples(
        TEXT,
        st.none() | TEXT,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.none() | st.dates(),
        st.lists(st.integers(0, 2**53)),
    )
)


@examples(60)
@given(rows=ROWS)
def test_what_is_written_is_read_back(database: Database, rows: list[tuple[object, ...]]) -> None:
    with psycopg.connect(database.owner) as connection:
        connection.execute("CREATE TEMPORARY TABLE row (a text, b text, c bigint, d boolean, e date, f bigint[])")
        with connection.cursor() as cursor, cursor.copy("COPY row FROM STDIN") as copy:
            copy.write(copy_text(rows))
        found = connection.execute("SELECT * FROM row").fetchall()
        connection.rollback()
    assert found == rows


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(KeyError):
        copy_text([(dt.datetime(2025, 3, 1, tzinfo=dt.UTC),)])
