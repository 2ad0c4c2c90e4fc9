"""By what a ledger counts its days, and how exports and archives write it."""

from __future__ import annotations

import msgspec
from msgspec import Struct


class Locale(Struct, frozen=True):
    """What a ledger's days are: fixed with its first event, because every count of days rests on it."""

    time_zone: str
    """The IANA name of the zone whose days are the local days."""
    calendar: str
    """The country code (ISO 3166) of the calendar that says which of them are worked."""


_locale_decoder = msgspec.json.Decoder(Locale)


def locale_json(locale: Locale) -> bytes:
    """The locale as exports and archives give it: canonical JSON."""
    return msgspec.json.encode(locale, order="sorted")


def read_locale(content: bytes) -> Locale:
    """The inverse of `locale_json`. Raises `msgspec.DecodeError` for anything else."""
    locale = _locale_decoder.decode(content)
    if locale_json(locale) != content:
        raise msgspec.DecodeError("a locale is not in the form in which it is written")
    return locale
