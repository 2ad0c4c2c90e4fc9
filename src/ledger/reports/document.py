"""A report with all that it rests on: what was asked, what was known, and the log that it follows from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.texts import put_in
from ledger.reports.base import Body, Report, Row


class Document(Struct, frozen=True):
    """What every writer puts on paper: figures, and what makes them checkable."""

    report: Report
    parameters: dict[str, Any]
    """What was asked for, besides the two times; only what was given."""
    on: str
    as_of: str
    position: int
    """How many records were known at `as_of`."""
    root: str
    """The root hash of the Merkle tree over those records, in hexadecimal."""
    imports: list[Row]
    """The files of older systems that those records rest on: name and SHA-256."""
    body: Body
    texts: Mapping[str, str] = {}
    """By reference: what people wrote, or why it is absent."""

    def opened(self, word: Callable[[str], str] = str) -> Document:
        """With the texts in place of the references, and `word` of why one is absent. Writers begin with it."""
        body = self.body
        opened = replace(
            body,
            rows=put_in(body.rows, self.texts, word),
            total=put_in(body.total, self.texts, word),
            more=put_in(body.more, self.texts, word),
        )
        return replace(self, body=opened, imports=put_in(self.imports, self.texts, word), texts={})

    def as_json(self) -> Row:
        """The document as DESIGN section 9 gives it, ready to be encoded, in no language."""
        opened = self.opened()
        body = opened.body
        return {
            "report": self.report.name,
            "parameters": self.parameters,
            "on": self.on,
            "as_of": self.as_of,
            "position": self.position,
            "root": self.root,
            "imports": opened.imports,
            **body.more,
            "rows": [_nested(row) for row in body.rows],
            "total": _nested(body.total),
            "residual": _nested(body.residual) if body.residual is not None else None,
            "flags": body.flags,
        }


def _nested(row: Row) -> Row:
    """The row with `percent.done` as the value of `done` in an object `percent`."""
    nested: Row = {}
    for key, value in row.items():
        outer, _, inner = key.partition(".")
        if inner:
            nested.setdefault(outer, {})[inner] = value
        else:
            nested[outer] = value
    return nested
