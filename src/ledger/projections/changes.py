"""From changes to rows: what opens and closes within a batch is settled in memory, and the rest written by COPY."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from psycopg import sql

from ledger.projections.base import Changes, Table, Values
from ledger.projections.copy_text import OPTIONS, copy_text
from ledger.store.database import Connection


class _Rows:
    """What happens to one table."""

    __slots__ = ("closed", "done", "open")

    def __init__(self) -> None:
        self.open: dict[Values, tuple[Values, int]] = {}
        """By key: the rows that open and stay open, with the position from which they are known."""
        self.done: list[Values] = []
        """Rows that open and close within the batch, whole."""
        self.closed: list[tuple[Values, int]] = []
        """(key, position) of rows that were open before the batch."""


class Pending:
    """The rows of one build that a batch opens and closes, until they are written."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[Table, _Rows]] = {}

    def add(self, position: int, changes: Changes) -> None:
        """Take in what one record does: rows close and open at its position."""
        for table, key in changes.closed:
            rows = self._of(table)
            held = rows.open.pop(key, None)
            if held is None:
                rows.closed.append((key, position))
            else:
                rows.done.append((*held[0], held[1], position))
        for table, row in changes.opened:
            self._of(table).open[row[: len(table.key)]] = (row, position)

    def _of(self, table: Table) -> _Rows:
        held = self._tables.get(table.name)
        if held is None:
            held = self._tables[table.name] = (table, _Rows())
        return held[1]

    def texts(self, parked: Collection[str] = ()) -> Iterator[tuple[Table, bytes]]:
        """The rows that open, by table, as the text that COPY takes; without those of aggregates that are `parked`."""
        for table, rows in self._tables.values():
            opened = rows.done + [(*row, known_from, None) for row, known_from in rows.open.values()]
            if parked:
                opened = [row for row in opened if row[0] not in parked]
            if opened:
                yield table, copy_text(opened)

    def write(self, connection: Connection, schema: str, parked: Collection[str] = ()) -> None:
        """All of it is in the tables of that schema, within the caller's transaction, but for what is `parked`.

        Those are codes of aggregates whose rows are not whole in that schema: nothing can be built on them.
        """
        for table, rows in self._tables.values():
            closed = [each for each in rows.closed if each[0][0] not in parked]
            if closed:
                _close(connection, schema, table, closed)
        for table, text in self.texts(parked):
            _copy(connection, schema, table, text)


class Texts:
    """The rows of many streams, each folded whole, for one build: nothing closes any of them any more.

    As text they take a fraction of the memory of rows, so that most of a part stays in the processor's cache.
    """

    def __init__(self) -> None:
        self._tables: dict[str, tuple[Table, list[bytes]]] = {}

    def add(self, stream: Pending) -> None:
        """Take in the rows of one more stream."""
        for table, text in stream.texts():
            self._tables.setdefault(table.name, (table, []))[1].append(text)

    def write(self, connection: Connection, schema: str) -> None:
        """All of them are in the tables of that schema, within the caller's transaction."""
        for table, texts in self._tables.values():
            _copy(connection, schema, table, b"\n".join(texts))


def _close(connection: Connection, schema: str, table: Table, closed: list[tuple[Values, int]]) -> None:
    columns = [list(column) for column in zip(*(key for key, _ in closed), strict=True)]
    connection.execute(_closing(schema, table), (*columns, [position for _, position in closed]))


def _copy(connection: Connection, schema: str, table: Table, text: bytes) -> None:
    with connection.cursor() as cursor, cursor.copy(_copying(schema, table)) as copy:
        copy.write(text)


@lru_cache(maxsize=256)
def _closing(schema: str, table: Table) -> bytes:
    keys = [sql.Identifier(name) for name in table.key]
    statement = sql.SQL(
        "UPDATE {table} AS t SET known_to = c.known_to "
        "FROM unnest({arrays}) AS c ({keys}, known_to) WHERE {same} AND t.known_to IS NULL"
    ).format(
        table=sql.Identifier(schema, table.name),
        arrays=sql.SQL(", ").join(sql.SQL(f"%s::{kind}[]") for kind in (*table.key_types, "bigint")),
        keys=sql.SQL(", ").join(keys),
        same=sql.SQL(" AND ").join(sql.SQL("t.{0} = c.{0}").format(key) for key in keys),
    )
    return statement.as_bytes()


@lru_cache(maxsize=256)
def _copying(schema: str, table: Table) -> bytes:
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
        sql.Identifier(schema, table.name),
        sql.SQL(", ").join(map(sql.Identifier, (*table.columns, "known_from", "known_to"))),
        sql.SQL(OPTIONS),
    )
    return statement.as_bytes()
