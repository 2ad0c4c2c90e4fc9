"""Values as text in a cell: as data for other programs, and as words for people."""

from __future__ import annotations

import re
import unicodedata

import msgspec
import orjson

from ledger.domain.times import parse_day
from ledger.domain.values import Ground
from ledger.reports.base import Column
from ledger.reports.language import Translator
from ledger.reports.words import ground_text

# A title may hold what a terminal would obey (ESC), a page cannot show, and XML may not hold (U+FFFE, U+FFFF).
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")
_BLANKS = re.compile(r"[\t\n\v\f\r\u2028\u2029]+")


def data_text(value: object) -> str:
    """The value in no language: nothing for None, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode() if value else ""
    return str(value)


def shown(column: Column, value: object, speak: Translator) -> str:
    """The value of that column as people read it, in one line."""
    if isinstance(value, str):
        if column.kind == "date" or (column.kind == "word" and parse_day(value)):
            return speak.date(value)
        return plain(speak.word(value) if column.kind == "word" else value)
    if isinstance(value, list | tuple):
        # Places in the log are names, not amounts: no separators.
        return ", ".join(str(each) if isinstance(each, int) else _part(each, column, speak) for each in value)
    return amount(value, speak)


def amount(value: object, speak: Translator) -> str:
    """A figure, or what stands in place of one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return speak.text("yes") if value else speak.text("no")
    return speak.number(value) if isinstance(value, int | float) else plain(data_text(value))


def plain(text: str) -> str:
    """People's own text as one line: composed (NFC), blanks for line breaks, and a sign for control characters."""
    return _CONTROLS.sub("\ufffd", _BLANKS.sub(" ", unicodedata.normalize("NFC", text)))


def _part(value: object, column: Column, speak: Translator) -> str:
    match value:
        case {"unit": str(unit), "cause": str(cause), "ref": ref}:  # a cause that held beside the charged one
            return plain(f"{unit}: {speak.word(cause)}" + (f" {ref}" if ref else ""))
        case {"blocker": str()} | {"suspension_by": str()} | {"predecessor_lead": str()}:
            return plain(ground_text(msgspec.convert(value, Ground), speak))
    return shown(column, value, speak)
