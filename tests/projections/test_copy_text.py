"""Rows written as COPY's text are the rows that the database then holds."""

from __future__ import annotations

import psycopg
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Database
from tests.support.effort import examples

from ledger.projections.copy_text import OPTIONS, copy_text

TEXT = st.text(
    st.one_of(
        st.sampled_from("\\\t\n\r\b\f\x1f\x7f\u2028.Nnu0[]{},\"'"),
        st.characters(exclude_characters="\0", codec="utf-8"),
    )
)
ROWS = st.lists(
    st.tuples(
        TEXT,
        st.none() | TEXT,
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.booleans(),
        st.none() | st.dates(),
    )
)


@examples(60)
@given(rows=ROWS)
def test_what_is_written_is_read_back(database: Database, rows: list[tuple[object, ...]]) -> None:
    with psycopg.connect(database.owner) as connection:
        connection.execute("CREATE TEMPORARY TABLE row (a text, b text, c bigint, d boolean, e date)")
        with connection.cursor() as cursor, cursor.copy(f"COPY row FROM STDIN {OPTIONS}") as copy:
            copy.write(copy_text(rows))
        found = connection.execute("SELECT * FROM row").fetchall()
        connection.rollback()
    assert found == rows
