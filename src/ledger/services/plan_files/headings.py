"""Which row of a sheet is its heading, which column holds what, and in which language.

The words are data: headings.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

from msgspec import Struct

from ledger.services.plan_files.findings import Finding
from ledger.services.plan_files.folding import folded, tidy
from ledger.services.plan_files.raw import RawSheet

Language = Literal["vi", "en", "fr"]
LANGUAGES: tuple[Language, ...] = ("vi", "en", "fr")
Form = Literal["plan", "units"]

SEARCHED_ROWS = 20
"""A heading that does not begin within so many rows is not looked for."""
_NEEDED: dict[Form, tuple[str, int]] = {"plan": ("title", 3), "units": ("code", 2)}
"""The field that a heading must have, and how many it must have at least."""
_LONGEST = 200
"""A longer text is no heading."""
_CONTAINED = 6
"""A shorter single word counts only when it is the whole heading."""


class Columns(Struct, frozen=True):
    """A sheet whose heading was found."""

    sheet: RawSheet
    heading_row: int
    language: Language | None
    """None when the headings fit several languages equally well."""
    of: Mapping[str, int]
    """The column's index by field."""
    headings: Mapping[str, str]
    """The heading as written, by field."""
    findings: tuple[Finding, ...]

    @property
    def day_first(self) -> bool:
        """In Vietnamese and French 03/04/2025 is 3 April; in English it may be either."""
        return self.language in ("vi", "fr")


@cache
def table() -> dict[str, Any]:
    """headings.toml, as it is."""
    return tomllib.loads(resources.files(__package__).joinpath("headings.toml").read_text("utf-8"))


def word_value(kind: str, text: str) -> str | None:
    """The value that a word of a fixed-value column stands for; None when it is none of them."""
    said = folded(text)
    for value, words in table()["words"][kind].items():
        if said == folded(value) or any(said == folded(w) for language in LANGUAGES for w in words[language]):
            return cast("str", value)
    return None


def words_of(kind: str, language: Language) -> dict[str, str]:
    """By value: the word that templates offer for it."""
    return {value: words[language][0] for value, words in table()["words"][kind].items()}


def find_columns(sheets: Iterable[RawSheet], form: Form) -> Columns | None:
    """The first sheet that has a heading within its first rows, with the best such row; None when no sheet has."""
    for sheet in sheets:
        rows = [row for row in sheet.rows if row.number <= SEARCHED_ROWS]
        read = [(_fields(form, [_text(cell) for cell in row.cells]), row) for row in rows]
        fitting = [(len(found.of), -row.number, found) for found, row in read if _is_heading(found, form)]
        if fitting:
            _, number, found = max(fitting, key=lambda each: each[:2])
            return _columns(sheet, -number, found)
    return None


def known_headings(texts: Iterable[str]) -> int:
    """How many of the texts are headings of some form."""
    return sum(any(match_heading(form, text)[0] for form in _NEEDED) for text in texts if 0 < len(text) < _LONGEST)


class _Found(Struct):
    """A row read as a heading."""

    of: dict[str, int]
    headings: dict[str, str]
    votes: dict[Language, int]
    rivals: list[tuple[str, str]]
    """(heading, why it was not taken)."""
    clashes: list[tuple[str, str]]
    """(heading, field that another column has as well)."""


def _is_heading(found: _Found, form: Form) -> bool:
    field, least = _NEEDED[form]
    return field in found.of and len(found.of) >= least


def _fields(form: Form, texts: Sequence[str]) -> _Found:
    found = _Found({}, {}, dict.fromkeys(LANGUAGES, 0), [], [])
    exact: dict[str, bool] = {}
    for index, text in enumerate(texts):
        if not text or len(text) > _LONGEST:
            continue
        fields, whole, languages = match_heading(form, text)
        if len(fields) != 1:
            reason = f"it may be {' or '.join(fields)}" if fields else "it is not a heading known here"
            found.rivals.append((text, reason))
            continue
        field = fields[0]
        if field in found.of:
            if exact[field] and not whole:
                found.rivals.append((text, f"column {found.headings[field]} is the {field}"))
                continue
            if exact[field] == whole:
                found.clashes.append((text, field))
                continue
            found.rivals.append((found.headings[field], f"column {text} is the {field}"))
        found.of[field], found.headings[field], exact[field] = index, text, whole
        for language in languages:
            found.votes[language] += 1
    return found


def match_heading(form: Form, text: str) -> tuple[list[str], bool, set[Language]]:
    """(fields that it may be, whether the whole heading says so, the languages that say it that way).

    Text in brackets does not count unless there is no other. A wording inside a longer one gives way to it; two
    fields named side by side leave it open.
    """
    said = folded(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", text)) or folded(text)
    said = " ".join(word for word in said.split() if not word.isdigit()) or said
    hits: list[tuple[int, int, str, Language]] = []
    for field, language, wording in _wordings(form):
        if said == wording:
            hits.append((0, len(said), field, language))
        elif len(wording) >= _CONTAINED:
            start = f" {said} ".find(f" {wording} ")
            if start >= 0:
                hits.append((start, start + len(wording), field, language))
    whole = [hit for hit in hits if hit[:2] == (0, len(said))]
    widest = whole or [h for h in hits if not any(_inside(h, other) for other in hits)]
    fields = list(dict.fromkeys(field for _, _, field, _ in widest))
    return fields, bool(whole), {language for _, _, _, language in widest}


def _inside(hit: tuple[int, int, str, Language], other: tuple[int, int, str, Language]) -> bool:
    return other[0] <= hit[0] and hit[1] <= other[1] and other[1] - other[0] > hit[1] - hit[0]


@cache
def _wordings(form: Form) -> tuple[tuple[str, Language, str], ...]:
    return tuple(
        (field, language, folded(text) or text.strip())
        for field, texts in table()[form].items()
        for language in LANGUAGES
        for text in texts[language]
    )


def _columns(sheet: RawSheet, number: int, found: _Found) -> Columns:
    most = max(found.votes.values())
    leading = [language for language in LANGUAGES if found.votes[language] == most]
    findings = [
        Finding("error", sheet.name, number, text, f"column {found.headings[field]} is the {field} already")
        for text, field in found.clashes
    ]
    findings += [Finding("warning", sheet.name, number, text, f"not read: {why}") for text, why in found.rivals]
    language = leading[0] if len(leading) == 1 else None
    return Columns(sheet, number, language, found.of, found.headings, tuple(findings))


def _text(cell: object) -> str:
    return tidy(cell) if isinstance(cell, str) else ""
