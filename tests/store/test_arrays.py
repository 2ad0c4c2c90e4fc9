"""Arrays in PostgreSQL's binary format: the server reads what was meant, and what it sends is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq
from tests.support.effort import examples

from ledger.store import arrays
from ledger.store.database import Database

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.none() | TEXTS,
    "bytea": st.none() | st.binary(max_size=8),
    "uuid": st.none() | st.uuids(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.none() | st.integers(-(2**63), 2**63 - 1),
}
ENCODED = {
    "text": arrays.texts,
    "bytea": arrays.byteas,
    "uuid": arrays.uuids,
    "integer": arrays.integers,
    "bigint": arrays.bigints,
}


@pytest.mark.parametrize("kind", VALUES)
@examples(30)
@given(data=st.data())
def test_the_server_reads_what_was_meant_and_sends_it_back(pool: Database, kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[kind], max_size=5))
    encoded = ENCODED[kind](values)
    with pool.connection() as connection:
        statement = (
            f"SELECT $1::{kind}[], ARRAY(SELECT v FROM unnest($1::{kind}[]) WITH ORDINALITY AS u (v, n) ORDER BY n)"
        )
        result = connection.pgconn.exec_params(
            statement.encode(), [encoded], None, [pq.Format.BINARY], pq.Format.BINARY
        )
        assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
        assert result.get_value(0, 0) == result.get_value(0, 1) == encoded
        (found,) = connection.execute(f"SELECT %b::{kind}[]", [list(values)], binary=True).fetchone() or ()
    assert found == values
    if kind == "text":
        assert arrays.read_texts(encoded) == values
    elif kind == "bytea":
        assert arrays.read_byteas(encoded) == values
    elif kind != "uuid":
        assert arrays.read_integers(encoded) == values
