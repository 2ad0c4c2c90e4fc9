"""The languages of paper and screen: words by gettext, numbers and dates as the offices of each country write them."""

from __future__ import annotations

import gettext
import re
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from babel.numbers import format_decimal

from ledger.domain.values import percent_text
from ledger.reports.locale.codes import CODES

Language = Literal["en", "vi", "fr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
CATALOGUES = Path(__file__).parent / "locale"

CODE = "code"
"""The gettext context of our codes (`done_late`), whose msgids are their words (`done late`)."""

_INSTANT = re.compile(r"[T ](?P<clock>\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<offset>Z|[+-]\d\d:\d\d)")


class Translator:
    """Says things in one language. Every msgid is the English text, with named placeholders; people's own words are
    values, and never translated.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._catalogue = (
            gettext.NullTranslations()
            if language == "en"
            else gettext.translation("ledger", CATALOGUES, languages=[language])
        )

    def text(self, message: str, /, **values: object) -> str:
        """The message, with the values in their places."""
        translated = self._catalogue.gettext(message)
        return translated.format_map(values) if values else translated

    def count(self, one: str, many: str, number: int, /) -> str:
        """The message for that number of things, with the number in the place of `{n}`."""
        return self._catalogue.ngettext(one, many, number).format(n=self.number(number))

    def word(self, code: str) -> str:
        """A code of ours in words; any other text as it is."""
        return self._catalogue.pgettext(CODE, words_of(code)) if code in CODES else code

    def number(self, value: float) -> str:
        """With the language's separators: whole numbers whole, others with one to three decimals."""
        return format_decimal(value, "#,##0" if isinstance(value, int) else "#,##0.0##", locale=self.language)

    def percent(self, points: int) -> str:
        """Basis points as a percentage without needless zeros: 4550 -> `45.5`, or `45,5`."""
        return format_decimal(Decimal(percent_text(points)), "0.##", locale=self.language)

    def date(self, value: str) -> str:
        """A day (`2025-03-08`), an instant of the ledger's own clock (`…T23:59:59+07:00`), or one in UTC (`…Z`).

        English keeps the ISO order. Babel's short dates lack zeros or half of the year; offices write all.
        """
        year, month, day = value[:10].split("-")
        written = value[:10] if self.language == "en" else f"{day}/{month}/{year}"
        match = _INSTANT.fullmatch(value, 10)
        if match is None:
            return written
        fraction = (match["fraction"] or "").rstrip(".0")
        return f"{written} {match['clock']}{fraction}{' UTC' if match['offset'] == 'Z' else ''}"


@lru_cache
def translator(language: Language) -> Translator:
    """The translator of that language."""
    return Translator(language)


def words_of(code: str) -> str:
    """A code as English words: `done_late` -> `done late`."""
    return code.replace("_", " ")
