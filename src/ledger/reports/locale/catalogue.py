"""The messages that the product says, collected; and the catalogues brought in step with them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from ledger.reports import REPORTS
from ledger.reports.language import CATALOGUES, CODE, LANGUAGES, Language, words_of
from ledger.reports.locale.codes import CODES
from ledger.reports.words import MESSAGES

TRANSLATED: tuple[Language, ...] = tuple(language for language in LANGUAGES if language != "en")
_PACKAGE = CATALOGUES.parent.parent
# `speak.text("…")` and `speak.count("…", "…", n)`; codes, titles and headings are walked, not called by their text.
_KEYWORDS = {"text": None, "count": (1, 2)}
_SOURCES = [("reports/**.py", "python"), ("cli/**.py", "python")]
_WIDTH = 120
_PASSING = tuple(
    b'"' + name for name in (b"POT-", b"PO-", b"Project", b"Report-", b"Generated-By", b"Last-Tr", b"Language-Team")
)


def messages() -> Catalog:
    """Every msgid that the code can ask for, without a translation, sorted by what it is for."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for report in REPORTS.values():
        found.add(report.title, auto_comments=["title of a report"])
        for column in report.columns:
            found.add(column.heading, auto_comments=["heading of a column"])
    for message in MESSAGES:
        found.add(message, auto_comments=["what an event says"])
    for code in sorted(CODES):
        found.add(words_of(code), context=CODE, auto_comments=["a code in words"])
    for called in _called():
        found.add(called, auto_comments=["said in passing"])
    return found


def po_file(language: Language) -> Path:
    """The catalogue that people edit."""
    return CATALOGUES / language / "LC_MESSAGES" / "ledger.po"


def read(language: Language) -> Catalog:
    """The catalogue as it stands."""
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def in_step(language: Language) -> Catalog:
    """The catalogue with exactly the msgids that the code has: new ones empty, old ones gone, none guessed."""
    catalogue = read(language)
    catalogue.update(messages(), no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    for each in catalogue:
        each.flags.discard("python-format")  # Babel takes "% done" for one
    return catalogue


def po_bytes(catalogue: Catalog) -> bytes:
    """The catalogue as text, in an order of its own, without dates that would change from run to run."""
    out = io.BytesIO()
    write_po(out, catalogue, width=_WIDTH, no_location=True, sort_output=True)
    return b"".join(line for line in out.getvalue().splitlines(keepends=True) if not line.startswith(_PASSING))


def mo_bytes(catalogue: Catalog) -> bytes:
    """The catalogue compiled. The same catalogue gives the same bytes."""
    plain = _Dateless(locale=catalogue.locale, charset="utf-8", fuzzy=False)
    for message in catalogue:
        if message.id:
            plain.add(message.id, message.string, context=message.context)
    out = io.BytesIO()
    write_mo(out, plain)
    return out.getvalue()


class _Dateless(Catalog):
    """A catalogue whose header says only what gettext needs."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [("Content-Type", "text/plain; charset=utf-8"), ("Plural-Forms", self.plural_forms)]


def missing(catalogue: Catalog) -> list[str]:
    """The msgids without a translation, and those whose translation is only a guess."""
    lacking = []
    for message in catalogue:
        said = message.string if isinstance(message.string, tuple | list) else [message.string]
        if message.id and (message.fuzzy or not all(said)):
            lacking.append(str(message.id))
    return lacking


def bring_in_step(language: Language) -> list[str]:
    """Both files are in step with the sources; returns what waits for a translation."""
    catalogue = in_step(language)
    po_file(language).write_bytes(po_bytes(catalogue))
    po_file(language).with_suffix(".mo").write_bytes(mo_bytes(catalogue))
    return missing(catalogue)


def _called() -> Iterator[str | tuple[str, ...]]:
    for _, _, message, _, _ in extract_from_dir(_PACKAGE, _SOURCES, keywords=_KEYWORDS):
        yield message
