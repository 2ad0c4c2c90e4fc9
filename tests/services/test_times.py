"""Times as people and programs write them: strict on the way in, UTC and local days inside."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.support.ledgers import micros

from ledger.domain.times import (
    as_of_microseconds,
    effective_text,
    instant_of,
    local_day,
    microseconds,
    parse_day,
    parse_instant,
    utc_text,
    zone_of,
)
from ledger.errors import BadQuery, Refused, SettingsError
from ledger.services.ids import derived_uuid7, uuid7
from ledger.services.ledger import Ledger

HANOI, AMSTERDAM, NEW_YORK = ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Europe/Amsterdam"), ZoneInfo("America/New_York")

INSTANTS = st.integers(-2_000_000_000_000_000, 32_000_000_000_000_000).map(instant_of)
"""From 1906 to 2984."""
NOT_DAYS = (
    "", "20260101", "2026-1-1", "2026-01-1", "26-01-01", "2026-W01-1", "2026-001", "2026-02-29", "2026-13-01",
    "2026-00-10", "2026-01-32", " 2026-01-01", "2026-01-01 ", "2026-01-01\n", "+2026-01-01", "-2026-01-01",
    "12026-01-01", "2026/01/01", "01/02/2026", "2026-01-01T00:00:00Z", "\u0662\u0660\u0662\u0666-01-01", "today",
)  # fmt: skip
NOT_INSTANTS = (
    "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.000", "2026-01-01T00:00Z", "20260101T000000Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+7",
    "2026-01-01T00:00:00+0700", "2026-01-01T00:00:00+07", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00 Z", "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z", "2026-01-01_00:00:00Z", "2026-02-29T00:00:00Z", "0001-01-01T00:00:00+07:00",
    "9999-12-31T23:59:59-07:00", "2026-01-01T00:00:00+07:00:30", "now", "1767225600",
)  # fmt: skip


@pytest.mark.parametrize("text", NOT_DAYS)
def test_a_day_is_written_in_one_way(text: str) -> None:
    assert parse_day(text) is None


@pytest.mark.parametrize("text", NOT_INSTANTS)
def test_an_instant_has_an_offset_and_no_guessing(text: str) -> None:
    assert parse_instant(text) is None
    if parse_day(text) is None:
        with pytest.raises(Refused) as refused:
            effective_text(text, HANOI)
        assert (refused.value.code, refused.value.field) == ("bad_time", "effective_at")
        with pytest.raises(BadQuery) as bad:
            as_of_microseconds(text, HANOI)
        assert bad.value.field == "as_of"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z"),
        ("2026-01-01t00:00:00z", "2026-01-01T00:00:00.000000Z"),
        ("2026-01-01 07:00:00+07:00", "2026-01-01T00:00:00.000000Z"),
        ("2025-12-31T18:30:00.5-05:30", "2026-01-01T00:00:00.500000Z"),
        ("2026-01-01T00:00:00.000001+00:00", "2026-01-01T00:00:00.000001Z"),
        ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00.000000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_an_instant_is_read_to_the_microsecond(text: str, utc: str) -> None:
    instant = parse_instant(text)
    assert instant is not None
    assert utc_text(microseconds(instant)) == utc


@examples(100)
@given(INSTANTS)
def test_microseconds_are_exact_both_ways(instant: dt.datetime) -> None:
    at = microseconds(instant)
    assert instant_of(at) == instant
    assert micros(utc_text(at)) == at
    assert local_day(at, HANOI) == instant.astimezone(HANOI).date()


# ── days of a zone ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "zone", "last"),
    [
        ("2025-03-08", HANOI, "2025-03-08T16:59:59.999999Z"),
        ("2025-03-29", AMSTERDAM, "2025-03-29T22:59:59.999999Z"),
        ("2025-03-30", AMSTERDAM, "2025-03-30T21:59:59.999999Z"),
        ("2025-10-25", AMSTERDAM, "2025-10-25T21:59:59.999999Z"),
        ("2025-10-26", AMSTERDAM, "2025-10-26T22:59:59.999999Z"),
        ("2025-11-02", NEW_YORK, "2025-11-03T04:59:59.999999Z"),
        ("2024-02-29", HANOI, "2024-02-29T16:59:59.999999Z"),
        ("1900-01-01", HANOI, None),
    ],
)
def test_as_of_a_day_is_the_end_of_it(day: str, zone: ZoneInfo, last: str | None) -> None:
    known = as_of_microseconds(day, zone)
    assert last is None or utc_text(known) == last
    assert local_day(known, zone) == dt.date.fromisoformat(day)
    assert local_day(known + 1, zone) == dt.date.fromisoformat(day) + dt.timedelta(days=1)


@examples(100)
@given(st.dates(dt.date(1901, 1, 1), dt.date(2999, 12, 30)), st.timezones())
def test_the_end_of_a_day_is_in_it_and_the_next_microsecond_is_not(day: dt.date, zone: ZoneInfo) -> None:
    known = as_of_microseconds(day.isoformat(), zone)
    assert local_day(known, zone) <= day
    assert local_day(known + 1, zone) > day


def test_the_calendar_ends_somewhere() -> None:
    with pytest.raises(BadQuery):
        as_of_microseconds("9999-12-31", HANOI)


@pytest.mark.parametrize("day", ["2025-03-08", "1900-01-01", "9999-12-31"])
def test_an_effective_day_stays_as_it_is_given(day: str) -> None:
    assert effective_text(day, HANOI) == effective_text(day, NEW_YORK) == day


@examples(100)
@given(INSTANTS, st.timezones())
def test_an_effective_instant_begins_with_its_local_day(instant: dt.datetime, zone: ZoneInfo) -> None:
    given_text = instant.isoformat()
    text = effective_text(given_text, zone)
    assert dt.datetime.fromisoformat(text) == instant
    assert text[:10] == instant.astimezone(zone).date().isoformat()


@pytest.mark.parametrize("name", ["", "Hanoi", "../../etc/passwd", "/etc/localtime", "UTC+7", "Asia", "\x00"])
def test_a_zone_is_an_iana_name(name: str) -> None:
    with pytest.raises(SettingsError, match="time zone"):
        zone_of(name)


# ── the two parameters of every question ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [text for text in NOT_DAYS if text])
def test_on_is_a_day(ledger: Ledger, text: str) -> None:
    with pytest.raises(BadQuery) as bad:
        ledger.queries().point(None, text)
    assert bad.value.field == "on"


def test_what_is_not_asked_for_is_now(ledger: Ledger) -> None:
    head = ledger.log.head()
    point = ledger.queries().point(None, None)
    assert (point.position, point.on) == (head.next_position, dt.date(2025, 3, 31))
    assert point.as_of >= head.recorded_at


def test_as_of_names_the_prefix_that_was_known_then(ledger: Ledger) -> None:
    queries = ledger.queries()
    times = [record.recorded_at for record in ledger.log.records(0, 99)]
    for position, recorded_at in enumerate(times):
        assert queries.point(utc_text(recorded_at), None).position == position + 1
        assert queries.point(utc_text(recorded_at - 1), None).position == position
    assert queries.point("1999-12-31", None).position == 0
    assert queries.point("2999-12-31", None).position == len(times)


# ── ids ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ids_are_uuid7_and_sort_by_time() -> None:
    at = micros("2025-03-31T12:00:00Z")
    ids = [uuid7(at + n * 1_000) for n in range(100)]
    assert ids == sorted(ids)
    assert len({uuid7(at) for _ in range(1_000)}) == 1_000
    for each in ids:
        assert (each[14], each[19] in "89ab") == ("7", True)
        assert int(each.replace("-", "")[:12], 16) == (at // 1_000) + ids.index(each)
    # RFC 9562, appendix A.6: 2022-02-22 14:22:22-05:00 with these random bits.
    entropy = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0 * 1_000, entropy) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_derived_ids_follow_from_what_they_are_derived_from() -> None:
    at = micros("2025-03-31T12:00:00Z")
    assert derived_uuid7(at, "a", "1", "2") == derived_uuid7(at, "a", "1", "2")
    different = {
        derived_uuid7(at, *parts) for parts in (("a", "1", "2"), ("a", "12"), ("a1", "2"), ("a", "2", "1"), ())
    }
    assert len(different) == 5
