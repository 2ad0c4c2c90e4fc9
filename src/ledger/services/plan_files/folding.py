"""Text as it is compared: without case, accents and punctuation."""

from __future__ import annotations

import unicodedata

_NO_MARK = str.maketrans({"đ": "d", "Đ": "d", "œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss"})


def folded(text: str) -> str:
    """Words of lower-case letters and digits with one blank between: `Đơn vị chủ trì (1)` -> `don vi chu tri 1`."""
    bare = unaccented(text)
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())


def unaccented(text: str) -> str:
    """Lower case, without accents; letters with a stroke (đ) too, which Unicode does not take apart."""
    taken_apart = unicodedata.normalize("NFKD", text.translate(_NO_MARK))
    return "".join(c for c in taken_apart if not unicodedata.combining(c)).casefold()


def tidy(text: str) -> str:
    """The text as written, composed (NFC), with one blank where there were several."""
    return " ".join(unicodedata.normalize("NFC", text).split())
