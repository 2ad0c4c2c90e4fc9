"""Days as people write them, in three languages; what can be read in two ways is never guessed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from ledger.services.plan_files.dates import DateError, Order, read_deadline, read_start

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2999, 12, 31))
ENGLISH = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
FRENCH = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]
ORDERS: tuple[Order, ...] = ("day_first", "unknown")


@pytest.mark.parametrize(
    ("text", "kind", "day"),
    [
        ("trước 15/10/2025", "before", "2025-10-15"),
        ("Trước ngày 15/10/2025.", "before", "2025-10-15"),
        ("đến hết ngày 15/10/2025", "by", "2025-10-15"),
        ("Chậm nhất: 15.10.2025", "by", "2025-10-15"),
        ("không muộn hơn ngày 15-10-2025", "by", "2025-10-15"),
        ("Hoàn thành trước ngày 01/7/2025", "before", "2025-07-01"),
        ("ngày 15 tháng 10 năm 2025", "by", "2025-10-15"),
        ("15/10/2025", "by", "2025-10-15"),
        ("03/04/2025", "by", "2025-04-03"),
        ("Quý IV/2025", "by", "2025-12-31"),
        ("trong Quý 3 năm 2025", "by", "2025-09-30"),
        ("Quý II-2025", "by", "2025-06-30"),
        ("tháng 6/2025", "by", "2025-06-30"),
        ("Tháng 2 năm 2024", "by", "2024-02-29"),
        ("hết tháng 6/2025", "by", "2025-06-30"),
        ("T6/2025", "by", "2025-06-30"),
        ("6/2025", "by", "2025-06-30"),
        ("năm 2025", "by", "2025-12-31"),
        ("Cuối năm 2025", "by", "2025-12-31"),
        ("6 tháng đầu năm 2025", "by", "2025-06-30"),
        ("avant le 15 octobre 2025", "before", "2025-10-15"),
        ("au plus tard le 1er mars 2025", "by", "2025-03-01"),
        ("d\N{RIGHT SINGLE QUOTATION MARK}ici fin juin 2025", "by", "2025-06-30"),
        ("4e trimestre 2025", "by", "2025-12-31"),
        ("2e semestre 2025", "by", "2025-12-31"),
        ("fin 2025", "by", "2025-12-31"),
    ],
)
def test_vietnamese_and_french(text: str, kind: str, day: str) -> None:
    deadline = read_deadline(text, "day_first")
    assert (deadline.kind, deadline.date.isoformat(), deadline.text) == (kind, day, text)


@pytest.mark.parametrize(
    ("text", "kind", "day"),
    [
        ("before 15 October 2025", "before", "2025-10-15"),
        ("by Oct 15, 2025", "by", "2025-10-15"),
        ("No later than October 15th, 2025", "by", "2025-10-15"),
        ("2025-10-15", "by", "2025-10-15"),
        ("15/10/2025", "by", "2025-10-15"),
        ("10/15/2025", "by", "2025-10-15"),
        ("05/05/2025", "by", "2025-05-05"),
        ("by the end of June 2025", "by", "2025-06-30"),
        ("Q4 2025", "by", "2025-12-31"),
        ("3rd quarter of 2025", "by", "2025-09-30"),
        ("end of 2025", "by", "2025-12-31"),
    ],
)
def test_english(text: str, kind: str, day: str) -> None:
    deadline = read_deadline(text, "unknown")
    assert (deadline.kind, deadline.date.isoformat()) == (kind, day)


@pytest.mark.parametrize(
    ("text", "order", "reason"),
    [
        ("03/04/2025", "unknown", "ambiguous"),
        ("before 03/04/2025", "unknown", "ambiguous"),
        ("31/02/2025", "day_first", "no day 31 in 2025-02"),
        ("29/02/2025", "unknown", "no day 29 in 2025-02"),
        ("10/15/2025", "day_first", "no month 15"),
        ("31/13/2025", "unknown", "neither number is a month"),
        ("15/10/25", "day_first", "no year of four digits"),
        ("15/10", "day_first", "names no day"),
        ("tháng 13/2025", "day_first", "no month 13"),
        ("tháng 0/2025", "day_first", "no month 0"),
        ("quý V/2025", "day_first", "names no day"),
        ("quý 4", "day_first", "names no day"),
        ("T4/2025", "day_first", "a month or a quarter"),
        ("T6/2025", "unknown", "names no day"),
        ("trước Quý IV/2025", "day_first", "before its first day or before its end"),
        ("before 2025", "unknown", "before its first day or before its end"),
        ("từ tháng 1 đến tháng 6/2025", "day_first", "names no day"),
        ("2025-2026", "day_first", "names no day"),
        ("thường xuyên", "day_first", "'thường xuyên' names no day"),
        ("30/6/2025 và 31/12/2025", "day_first", "names no day"),
        ("15/10-2025", "day_first", "names no day"),
        ("15/10/1825", "day_first", "does not lie between"),
        ("1825", "day_first", "does not lie between"),
        ("TBD", "unknown", "names no day"),
        ("", "unknown", "names no day"),
    ],
)
def test_ambiguous_and_impossible_days_are_named(text: str, order: Order, reason: str) -> None:
    with pytest.raises(DateError, match=reason):
        read_deadline(text, order)


def test_numbers_and_date_cells() -> None:
    assert read_deadline(2025.0, "unknown").date == dt.date(2025, 12, 31)
    assert read_deadline(dt.date(2025, 4, 3), "unknown").date == dt.date(2025, 4, 3)
    for number in (45_000.0, 2025.5, -1.0, 0.0):
        with pytest.raises(DateError, match="format the cell as a date"):
            read_deadline(number, "day_first")
    with pytest.raises(DateError):
        read_deadline(True, "day_first")
    with pytest.raises(DateError, match="does not lie between"):
        read_deadline(dt.date(1899, 12, 31), "day_first")


def test_a_column_of_its_own_says_by_or_before_and_may_not_contradict_the_words() -> None:
    assert read_deadline("15/10/2025", "day_first", "before").kind == "before"
    assert read_deadline(dt.date(2025, 10, 15), "day_first", "before").kind == "before"
    assert read_deadline("le 15/10/2025", "day_first", "before").kind == "before"
    assert read_deadline("trước 15/10/2025", "day_first", "before").kind == "before"
    with pytest.raises(DateError, match="the column beside it says"):
        read_deadline("trước 15/10/2025", "day_first", "by")
    with pytest.raises(DateError, match="the column beside it says"):
        read_deadline("đến hết 15/10/2025", "day_first", "before")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Quý II/2025", "2025-04-01"),
        ("từ tháng 3/2025", "2025-03-01"),
        ("from 2025", "2025-01-01"),
        ("1/2/2025", "2025-02-01"),
    ],
)
def test_a_start_is_the_first_day_of_its_period(text: str, day: str) -> None:
    assert read_start(text, "day_first").isoformat() == day


@examples(100)
@given(DAYS)
def test_every_day_written_in_full_is_read_back(day: dt.date) -> None:
    d, m, y = day.day, day.month, f"{day.year}"
    for text in (f"{d:02}/{m:02}/{y}", f"{d}.{m}.{y}", f"{d} tháng {m} năm {y}", f"{d} {FRENCH[m - 1]} {y}"):
        assert read_deadline(text, "day_first").date == day
    for text in (day.isoformat(), f"{d} {ENGLISH[m - 1]} {y}", f"{ENGLISH[m - 1][:3]} {d}, {y}"):
        assert read_deadline(f"before {text}", "unknown").last_day == day - dt.timedelta(days=1)


@examples(200)
@given(DAYS)
def test_in_an_english_file_numbers_are_read_only_when_one_reading_is_possible(day: dt.date) -> None:
    text = f"{day:%d/%m}/{day.year}"
    if day.day <= 12 and day.day != day.month:
        with pytest.raises(DateError, match="ambiguous"):
            read_deadline(text, "unknown")
    else:
        assert read_deadline(text, "unknown").date == day


@examples(100)
@given(st.integers(1900, 2999), st.integers(1, 12))
def test_a_period_ends_the_day_before_the_next_begins(year: int, month: int) -> None:
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    assert read_deadline(f"tháng {month}/{year}", "day_first").date == following - dt.timedelta(days=1)
    quarter = (month + 2) // 3
    assert read_deadline(f"Quý {quarter}/{year}", "day_first").date.month == 3 * quarter


@examples(300)
@given(
    st.text(max_size=30) | st.text("0123456789/.- trướcquýbyIVTQ", max_size=20),
    st.sampled_from(ORDERS),
    st.sampled_from([None, "by", "before"]),
)
def test_any_text_is_a_day_or_an_error_that_says_why(text: str, order: Order, kind: object) -> None:
    try:
        deadline = read_deadline(text, order, kind)  # type: ignore[arg-type]
    except DateError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert 1900 <= deadline.date.year <= 2999
