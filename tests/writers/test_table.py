"""Tables on a terminal: they fit, they line up, and nothing in them is obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.writers.documents import document, overdue, status

from ledger.reports.language import LANGUAGES, Language
from ledger.reports.writers.table import write_table
from ledger.reports.writers.text_table import wrap


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [160, 100])
def test_it_fits_and_no_line_ends_in_blanks(language: Language, width: int) -> None:
    for each in (overdue(), status()):
        for line in write_table(each, language, width).decode().splitlines():
            assert cell_len(line) <= width
            assert line == line.rstrip()


def test_numbers_are_aligned_to_the_right_and_the_total_stands_apart() -> None:
    rows = [{"unit": "A", "total": 5}, {"unit": "B", "total": 1234}]
    lines = write_table(document("status", rows, {"total": 1239}), "vi", 400).decode().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("A"))
    ends = {len(re.match(r"\S+(?: số)? +[\d.]+", lines[at])[0]) for at in (start, start + 1, start + 3)}  # type: ignore[index]
    assert len(ends) == 1
    assert set(lines[start + 2].replace(" ", "")) == {"─"}
    assert lines[start + 3].startswith("Tổng số")


def test_letters_of_several_code_points_take_one_place() -> None:
    composed, parts = "Số liệu", "So\u0302\u0301 lie\u0323\u0302u"
    tables = [write_table(document("overdue", [{"title": title}]), "vi") for title in (composed, parts)]
    assert tables[0] == tables[1]


def test_what_a_terminal_would_obey_is_only_shown() -> None:
    text = write_table(document("overdue", [{"title": "a\x1b[2Jb\nc\td\x9b"}]), "en").decode()
    assert "a\ufffd[2Jb c d\ufffd" in text
    assert "\x1b" not in text


def test_columns_left_out_are_named() -> None:
    text = write_table(status(), "fr", 80).decode()
    assert "Non affiché faute de largeur\u00a0: " in text


@given(st.text("ab-/ ếộ", max_size=80), st.integers(1, 12))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width for line in lines)
