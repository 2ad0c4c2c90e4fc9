"""The small values: what they take, and what they mean."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ledger.domain import commands as cmd
from ledger.domain.events import happened_before
from ledger.domain.values import Code, Document, Ground, IndicatorValue, basis_points, percent_text

from .given import before, by, day


@pytest.mark.parametrize(
    ("percent", "points"),
    [
        ("0", 0),
        ("-0", 0),
        ("100", 10_000),
        ("45.5", 4550),
        ("33.33", 3333),
        ("0.01", 1),
        ("99.990", 9999),
        ("1E+1", 1000),
    ],
)
def test_a_percentage_between_0_and_100_with_two_decimals_has_its_basis_points(percent: str, points: int) -> None:
    assert basis_points(Decimal(percent)) == points


@pytest.mark.parametrize(
    "percent",
    [
        *("-0.01", "100.01", "33.333", "NaN", "sNaN", "Infinity", "-Infinity"),
        # Twenty-eight digits are what decimal's context keeps of a product; these have more.
        "99.9900000000000000000000000000001",
        *("1E-999999", "1E+999999"),
    ],
)
def test_any_other_percentage_has_none(percent: str) -> None:
    assert basis_points(Decimal(percent)) is None


@pytest.mark.parametrize(("points", "text"), [(0, "0"), (4550, "45.5"), (3333, "33.33"), (5, "0.05"), (10_000, "100")])
def test_basis_points_are_written_as_a_percentage_without_needless_zeros(points: int, text: str) -> None:
    assert percent_text(points) == text
    assert basis_points(Decimal(text)) == points


def test_by_a_day_ends_with_that_day_and_before_it_with_the_day_before() -> None:
    assert by(15).last_day == day(15)
    assert before(15).last_day == day(14)


@pytest.mark.parametrize("code", ["T1", "a", "Bộ KH&CN", "1/2025/QĐ-TTg", "x" * 120])
def test_a_code_is_any_name_that_people_cite(code: str) -> None:
    assert msgspec.convert(code, Code) == code


@pytest.mark.parametrize("code", ["", " T1", "T1 ", "T1\n", "T\t1", "T1\r", "\x00", "x" * 121, "\u00a0T1"])
def test_a_code_has_no_control_characters_and_no_blank_at_either_end(code: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(code, Code)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"name": "km", "value": "1.5\n"}, IndicatorValue),
        ({"name": "km", "value": "\u0661"}, IndicatorValue),
        ({"name": "km", "value": "1e3"}, IndicatorValue),
        ({"name": "a", "media_type": "b", "size": 1, "sha256": "0" * 64 + "\n"}, Document),
        ({"name": "a", "media_type": "b", "size": -1, "sha256": "0" * 64}, Document),
        ({"blocker": "b1", "blokcer": "b2"}, Ground),
    ],
)
def test_a_value_that_is_written_otherwise_is_none(fields: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, kind)


def test_a_misspelt_field_of_a_command_is_an_error_and_not_lost() -> None:
    with pytest.raises(msgspec.ValidationError, match="officr"):
        msgspec.convert({"title": "t", "lead": "U1", "officr": "x"}, cmd.AssignTask)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2025-03-09", "2025-03-10"),
        ("2025-03-09T23:59:59+07:00", "2025-03-10"),
        ("2025-03-10T08:00:00+07:00", "2025-03-10T08:00:01+07:00"),
        ("2025-10-26T02:30:00+02:00", "2025-10-26T02:10:00+01:00"),
    ],
)
def test_of_two_effective_times_the_earlier_one_happened_before_the_later(earlier: str, later: str) -> None:
    assert happened_before(earlier, later)
    assert not happened_before(later, earlier)


def test_a_day_and_an_instant_within_it_have_no_order() -> None:
    assert not happened_before("2025-03-10", "2025-03-10T08:00:00+07:00")
    assert not happened_before("2025-03-10T08:00:00+07:00", "2025-03-10")
