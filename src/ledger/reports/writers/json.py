"""JSON: the document, compact, with one line feed at the end."""

from __future__ import annotations

import orjson

from ledger.reports.document import Document
from ledger.reports.language import Language


def write_json(document: Document, _: Language = "en") -> bytes:
    """The bytes that the API answers and `--format json` prints: the same for the same question, in no language."""
    return orjson.dumps(document.as_json(), option=orjson.OPT_APPEND_NEWLINE)
