"""Lines in order of time are those of the file, sorted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.services.line_order import in_order

TIMES = st.lists(st.integers(1, 2**62), max_size=50)


@given(times=TIMES)
def test_places_come_by_time_and_then_as_in_the_file(times: list[int]) -> None:
    places = [(at, number, 7 * number) for number, at in enumerate((*times, *times), 1)]
    with in_order(iter(places)) as order:
        assert (len(order), list(order), list(order)) == (len(places), sorted(places), sorted(places))
        if places:
            assert order.first() == min(times)


def test_what_stops_the_reading_stops_here() -> None:
    def places() -> object:
        yield 1, 1, 0
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"), in_order(places()):  # type: ignore[arg-type]
        pytest.fail("nothing is to be done with half of a file")
