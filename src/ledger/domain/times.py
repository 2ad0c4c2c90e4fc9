"""Times as people and programs write them: strict on the way in, UTC microseconds and local days inside."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.errors import BadQuery, Refused, SettingsError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that IANA name; raises `SettingsError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"{name!r} is not a time zone: give an IANA name such as Asia/Ho_Chi_Minh") from error


def parse_day(text: str) -> dt.date | None:
    """The day in `YYYY-MM-DD`, or None when the text is not exactly one."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def parse_instant(text: str) -> dt.datetime | None:
    """The instant in RFC 3339 with an offset, or None when the text is not exactly one (at most microseconds)."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        instant = dt.datetime.fromisoformat(text.upper().replace(" ", "T"))
        instant.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return instant


def microseconds(instant: dt.datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(microseconds_since_1970: int) -> dt.datetime:
    """The inverse of `microseconds`, in UTC."""
    return _EPOCH + microseconds_since_1970 * _MICROSECOND


def utc_text(microseconds_since_1970: int) -> str:
    """RFC 3339 in UTC with six decimals: the one way in which the product writes an instant."""
    return instant_of(microseconds_since_1970).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local_day(microseconds_since_1970: int, zone: ZoneInfo) -> dt.date:
    """The local day that holds the instant."""
    return dt.datetime.fromtimestamp(microseconds_since_1970 // 1_000_000, zone).date()


def effective_text(text: str, zone: ZoneInfo) -> str:
    """What an entry's `effective` holds: the day as given, or the instant with the zone's own offset.

    Either way the first ten characters are the local day. Raises `Refused` when it is neither.
    """
    if parse_day(text) is not None:
        return text
    instant = parse_instant(text)
    if instant is None:
        raise Refused(
            "bad_time",
            "effective_at",
            f"{text!r} is neither a day (2025-03-08) nor an instant with an offset (RFC 3339)",
        )
    try:
        return instant.astimezone(zone).isoformat()
    except OverflowError as error:
        raise Refused("bad_time", "effective_at", f"{text!r} lies in no local day") from error


def as_of_microseconds(text: str, zone: ZoneInfo) -> int:
    """The last microsecond of what `as_of` covers: an instant, or the whole local day. Raises `BadQuery`."""
    day = parse_day(text)
    if day is not None:
        if day == dt.date.max:
            raise BadQuery("as_of", "the calendar ends there")
        midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone)
        return microseconds(midnight) - 1
    instant = parse_instant(text)
    if instant is None:
        raise BadQuery("as_of", f"{text!r} is neither a day (2025-03-08) nor an instant with an offset (RFC 3339)")
    return microseconds(instant)
