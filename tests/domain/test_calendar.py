"""The calendar: what may be declared, which word holds, and working days counted by arithmetic."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import calendar as calendars
from ledger.domain import commands as cmd
from ledger.domain import events as ev
from ledger.domain import unit as units
from ledger.domain.calendar import Calendar, DayKind, working_days
from ledger.domain.calendars import base_table, countries
from ledger.domain.calendars.working_days import working_days_of
from ledger.domain.rules import Known, Moment
from ledger.errors import NotFound, Refused

DAY = dt.timedelta(days=1)
VIET_NAM = working_days("VN", None)


def date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def event_of(data: ev.EventData, stream: str, version: int, effective: str = "2025-05-10") -> ev.Event:
    return ev.Event(
        actor=ev.Actor("AUTH", None),
        causation=None,
        correlation=None,
        data=data,
        effective=effective,
        id=f"{stream}/{version}",
        stream=stream,
        type=data.type_name,
        v=data.schema_version,
        version=version,
    )


def off(day: str, name: str = "A day off") -> ev.DayOffDeclared:
    return ev.DayOffDeclared(date=date(day), name=name)


def worked(day: str, name: str = "A day worked") -> ev.WorkingDayDeclared:
    return ev.WorkingDayDeclared(date=date(day), name=name)


def declared(*events: ev.EventData, code: str = "VN") -> Calendar | None:
    return calendars.fold(code, [event_of(data, f"calendar/{code}", n) for n, data in enumerate(events, 1)])


_REGISTERED = ev.UnitRegistered(name="Assigning authority", kind="internal", parent=None)
KNOWN = Known({"AUTH": units.evolve(None, event_of(_REGISTERED, "unit/AUTH", 1), "AUTH")}, {})


def decided(
    calendar: Calendar | None,
    command: cmd.CalendarCommand,
    code: str = "VN",
    unit: str = "AUTH",
    effective: str = "2025-05-10",
) -> tuple[ev.EventData, ...]:
    moment = Moment(unit, date(effective), date("2025-05-10"))
    return calendars.decide(calendar, code, command, moment, KNOWN)


# ── declarations ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_day_off_is_declared_without_opening_a_calendar() -> None:
    command = cmd.DeclareDayOff(date=date("2025-05-12"), name="A mourning")
    assert decided(None, command) == (off("2025-05-12", "A mourning"),)


def test_working_day_is_declared_over_what_was_said_before() -> None:
    command = cmd.DeclareWorkingDay(date=date("2025-05-12"), name="Worked after all")
    assert decided(declared(off("2025-05-12")), command) == (worked("2025-05-12", "Worked after all"),)


def test_declaring_may_be_about_days_past_and_to_come() -> None:
    for day in ("2015-01-05", "2031-01-06"):
        assert decided(None, cmd.DeclareDayOff(date=date(day), name="A day off")) == (off(day),)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"command": cmd.DeclareDayOff(date=date("2025-05-12"), name="A day off")}, "already_declared", "data.date"),
        ({"command": cmd.DeclareDayOff(date=date("1825-05-12"), name="A day off")}, "day_out_of_range", "data.date"),
        ({"code": "Viet Nam"}, "not_a_country", "calendar"),
        ({"code": "VN/.."}, "not_a_country", "calendar"),
        ({"code": "vn"}, "not_a_country", "calendar"),
        ({"unit": "U9"}, "unknown_unit", "acting_unit"),
        ({"effective": "2025-05-11"}, "effective_in_future", "effective_at"),
    ],
)
def test_declaration_is_refused(change: dict[str, Any], code: str, field: str) -> None:
    given: dict[str, Any] = {"command": cmd.DeclareDayOff(date=date("2025-05-13"), name="A day off")}
    with pytest.raises(Refused) as refused:
        decided(declared(off("2025-05-12")), **(given | change))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_same_day_may_be_given_another_name() -> None:
    command = cmd.DeclareDayOff(date=date("2025-05-12"), name="Its proper name")
    assert decided(declared(off("2025-05-12")), command) == (off("2025-05-12", "Its proper name"),)


def test_commands_are_read_from_a_line() -> None:
    decoder = msgspec.json.Decoder(cmd.DeclareDayOff | cmd.DeclareWorkingDay)
    line = b'{"command": "declare_working_day", "date": "2025-04-26", "name": "Worked for 2 May"}'
    assert decoder.decode(line) == cmd.DeclareWorkingDay(date=date("2025-04-26"), name="Worked for 2 May")


def test_events_have_the_names_of_the_format() -> None:
    assert ev.EVENT_TYPES["calendar.day-off-declared"] is ev.DayOffDeclared
    assert ev.EVENT_TYPES["calendar.working-day-declared"] is ev.WorkingDayDeclared


# ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_last_word_recorded_on_a_day_holds_whatever_their_effective_days() -> None:
    first = event_of(off("2025-05-12"), "calendar/VN", 1, "2025-05-09")
    second = event_of(worked("2025-05-12"), "calendar/VN", 2, "2025-05-01")
    calendar = calendars.fold("VN", [first, second])
    assert calendar is not None
    assert (calendar.version, calendar.declared) == (2, {date("2025-05-12"): DayKind(True, "A day worked")})
    assert calendars.evolve(calendars.fold("VN", [first]), second, "VN") == calendar
    assert calendars.fold("VN", []) is None


def test_declaration_counts_over_the_shipped_table_and_the_weekday() -> None:
    calendar = declared(off("2025-05-12"), worked("2025-05-02", "Worked after all"), worked("2025-05-10"))
    days = working_days("VN", calendar)
    assert [days.is_working(date(d)) for d in ("2025-05-12", "2025-05-02", "2025-05-10")] == [False, True, True]
    assert [VIET_NAM.is_working(date(d)) for d in ("2025-05-12", "2025-05-02", "2025-05-10")] == [True, False, False]
    may = (date("2025-05-01"), date("2025-06-01"))
    assert days.count(*may) == VIET_NAM.count(*may) + 1
    assert days.name(date("2025-05-02")) == "Worked after all"


def test_earlier_knowledge_counts_as_it_did() -> None:
    """A report as of an earlier time folds fewer declarations; what comes later leaves its days alone."""
    before = working_days("VN", declared(off("2025-05-12")))
    after = working_days("VN", declared(off("2025-05-12"), worked("2025-05-12")))
    assert not before.is_working(date("2025-05-12"))
    assert after.is_working(date("2025-05-12"))


def test_part_of_a_country_has_its_countrys_table() -> None:
    assert not working_days("VN-SG", None).is_working(date("2025-04-30"))
    assert working_days("LA", None).is_working(date("2025-04-30"))
    assert not working_days("LA", declared(off("2025-04-30"), code="LA")).is_working(date("2025-04-30"))


@pytest.mark.parametrize(
    ("country", "day", "working"),
    [
        ("FR", "2025-07-14", False),
        ("FR", "2025-07-12", False),
        ("FR", "2025-07-15", True),
        ("EG", "2025-03-07", False),
        ("EG", "2025-03-09", True),
        ("LA", "2025-12-02", False),
    ],
)
def test_other_countries_have_their_days_off_and_their_weekends(country: str, day: str, working: bool) -> None:
    assert working_days(country, None).is_working(date(day)) is working


def test_each_country_has_a_table_that_can_be_read() -> None:
    assert len(countries()) == 250
    for country in countries():
        table = base_table(country)
        assert table.country == country
        assert all(table.first <= day <= table.last for day in table.exceptions)
        assert 0 < working_days(country, None).count(date("2025-01-01"), date("2026-01-01")) < 365


@pytest.mark.parametrize("code", ["XX", "../../pyproject", "", "vn"])
def test_no_day_of_an_unknown_country_is_guessed_at(code: str) -> None:
    with pytest.raises(NotFound):
        working_days(code, None)


# ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

days_of_the_ledger = st.dates(dt.date(2024, 1, 1), dt.date(2027, 12, 31))
exceptions = st.dictionaries(
    days_of_the_ledger, st.booleans().map(lambda working: DayKind(working, "A day that stands out")), max_size=20
)


@given(st.sets(st.integers(1, 7)), exceptions, days_of_the_ledger, st.integers(-5, 400))
@settings(max_examples=300, deadline=None)
def test_count_is_that_of_the_days_one_by_one(
    weekend: set[int], exceptions: dict[dt.date, DayKind], day_from: dt.date, length: int
) -> None:
    days = working_days_of(weekend, exceptions)
    expected = sum(days.is_working(day_from + n * DAY) for n in range(length))
    assert days.count(day_from, day_from + length * DAY) == expected


@given(st.lists(days_of_the_ledger, min_size=2, max_size=6).map(sorted))
@settings(max_examples=200, deadline=None)
def test_counts_add_up_over_a_partition(cuts: list[dt.date]) -> None:
    parts = sum(VIET_NAM.count(day_from, day_to) for day_from, day_to in pairwise(cuts))
    assert VIET_NAM.count(cuts[0], cuts[-1]) == parts


def test_count_of_centuries_needs_no_walk() -> None:
    week_only = working_days_of({6, 7}, {})
    assert week_only.count(date("1900-01-01"), date("2300-01-01")) == 104_355


# ── the table of Viet Nam ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2025-04-26", True),
        ("2025-05-02", False),
        ("2026-01-02", False),
        ("2026-01-10", True),
        ("2026-02-13", True),
        ("2026-02-16", False),
        ("2026-02-17", False),
        ("2026-02-18", False),
        ("2026-02-19", False),
        ("2026-02-20", False),
        ("2026-02-23", True),
        ("2026-04-27", False),
        ("2026-08-22", True),
        ("2026-08-31", False),
        ("2025-01-29", False),
        ("2025-09-02", False),
        ("2025-09-03", True),
        ("2024-04-29", False),
        ("2024-05-04", True),
        ("2025-04-27", False),
    ],
)
def test_viet_nam_works_or_not(day: str, working: bool) -> None:
    assert VIET_NAM.is_working(date(day)) is working


def test_table_says_how_it_was_made_and_how_far_it_reaches() -> None:
    table = base_table("VN")
    assert "holidays 0.109" in table.source
    assert (table.first, table.last) == (date("2015-01-01"), date("2035-12-31"))
    assert {day.year for day in table.exceptions} == set(range(2015, 2036))
    assert all(table.first <= day <= table.last for day in table.exceptions)
    assert list(table.exceptions) == sorted(table.exceptions)


def test_every_year_has_its_fixed_holidays_and_a_new_year_of_five_days() -> None:
    for year in range(2015, 2036):
        for month, day in ((1, 1), (4, 30), (5, 1), (9, 2)):
            assert not VIET_NAM.is_working(dt.date(year, month, day))
        new_year = [day for day in base_table("VN").exceptions if day.year == year and day.month in (1, 2)]
        assert len(new_year) >= 6
