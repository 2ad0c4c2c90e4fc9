"""Shares and residuals, to the last half."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from ledger.reports.sums import percent, residual


@examples(300)
@given(st.integers(1, 100_000), st.data())
def test_a_share_is_the_nearest_tenth_of_a_per_cent(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    share = percent(part, whole)
    assert share is not None
    exact = Fraction(part, whole) * 100
    assert abs(Fraction(str(share)) - exact) <= Fraction(1, 20)


def test_halves_go_up_and_of_nothing_there_is_no_share() -> None:
    assert percent(1, 2000) == 0.1
    assert percent(0, 7) == 0.0
    assert percent(0, 0) is None


def test_the_ministrys_shares() -> None:
    assert [percent(part, 187) for part in (58, 41, 17, 119, 10)] == [31.0, 21.9, 9.1, 63.6, 5.3]


def test_a_residual_is_shown_only_when_something_is_left() -> None:
    rows = [{"a": 1, "b": 2}, {"a": 2, "b": None}]
    assert residual({"a": 3, "b": 2}, rows, ("a", "b")) is None
    assert residual({"a": 2, "b": 2}, rows, ("a", "b")) == {"a": -1, "b": 0}
