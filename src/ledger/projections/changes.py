"""From changes to rows: what opens and closes within a batch is settled in memory, and the rest written by COPY."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from psycopg import sql

from ledger.projections.base import Changes, Table, Values
from ledger.store.database import Connection


class Pending:
    """The rows of one build that a batch opens and closes, until they are written."""

    def __init__(self) -> None:
        self._open: dict[Table, dict[Values, tuple[Values, int]]] = defaultdict(dict)
        self._done: dict[Table, list[Values]] = defaultdict(list)
        self._closed: dict[Table, list[tuple[Values, int]]] = defaultdict(list)
        self.size = 0

    def add(self, position: int, changes: Changes) -> None:
        """Take in what one record does: rows close and open at its position."""
        for table, key in changes.closed:
            held = self._open[table].pop(key, None)
            if held is None:
                self._closed[table].append((key, position))
            else:
                row, known_from = held
                self._done[table].append((*row, known_from, position))
        for table, row in changes.opened:
            self._open[table][table.key_of(row)] = (row, position)
        self.size += len(changes.closed) + len(changes.opened)

    def write(self, connection: Connection, schema: str, parked: Collection[str] = ()) -> None:
        """All of it is in the tables of that schema, within the caller's transaction, but for what is `parked`.

        Those are codes of aggregates whose rows are not whole in that schema: nothing can be built on them.
        """
        for table, all_closed in self._closed.items():
            closed = [(key, position) for key, position in all_closed if key[0] not in parked]
            if closed:
                _close(connection, schema, table, closed)
        for table in self._open.keys() | self._done.keys():
            rows = self._done[table] + [(*row, known_from, None) for row, known_from in self._open[table].values()]
            rows = [row for row in rows if row[0] not in parked]
            if rows:
                _copy(connection, schema, table, rows)


def _close(connection: Connection, schema: str, table: Table, closed: list[tuple[Values, int]]) -> None:
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
    columns = [list(column) for column in zip(*(key for key, _ in closed), strict=True)]
    connection.execute(statement, (*columns, [position for _, position in closed]))


def _copy(connection: Connection, schema: str, table: Table, rows: list[Values]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(schema, table.name),
        sql.SQL(", ").join(map(sql.Identifier, (*table.columns, "known_from", "known_to"))),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
