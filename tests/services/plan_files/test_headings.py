"""Headings are found wherever they stand and however they are spelt, and are not guessed at."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.services.plan_files.headings import LANGUAGES, Columns, find_columns, match_heading, table, word_value
from ledger.services.plan_files.raw import RawRow, RawSheet


def sheet(*rows: tuple[Any, ...], name: str = "S", first: int = 1) -> RawSheet:
    return RawSheet(name, tuple(RawRow(number, row) for number, row in enumerate(rows, first)))


def found(*rows: tuple[Any, ...], first: int = 1) -> Columns:
    columns = find_columns([sheet(*rows, first=first)], "plan")
    assert columns is not None
    return columns


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("ĐƠN VỊ\nCHỦ TRÌ", "lead"),
        ("Don vi chu tri", "lead"),
        ("Cơ quan, đơn vị chủ trì (3)", "lead"),
        ("Cơ quan phối hợp thực hiện", "coordinating"),
        ("Thời hạn hoàn thành (dự kiến)", "deadline"),
        ("Kết quả/sản phẩm dự kiến", "result"),
        ("2. Nhiệm vụ, giải pháp", "title"),
        ("Mã nhiệm vụ", "code"),
        ("STT", "number"),
        ("Lead unit*", "lead"),
        ("EXPECTED RESULT", "result"),
        ("Due date", "deadline"),
        ("Unité pilote :", "lead"),
        ("Echeance", "deadline"),
        ("Résultat attendu", "result"),
    ],
)
def test_case_accents_breaks_and_text_around_do_not_matter(text: str, field: str) -> None:
    assert match_heading("plan", text)[0] == [field]


@pytest.mark.parametrize("text", ["Ghi chú", "Mã NV", "Leader", "Ideas", "Kinh phí", "1", "—"])
def test_other_headings_are_not_taken(text: str) -> None:
    assert match_heading("plan", text)[0] == []


def test_a_heading_that_names_two_fields_is_not_decided() -> None:
    assert set(match_heading("plan", "Kết quả đầu ra và thời hạn hoàn thành")[0]) == {"result", "deadline"}


def test_every_wording_of_the_table_is_one_field_of_its_form() -> None:
    for form in ("plan", "units"):
        for field, wordings in table()[form].items():
            for language in LANGUAGES:
                for wording in wordings[language]:
                    assert match_heading(form, wording)[:2] == ([field], True), wording  # type: ignore[arg-type]


def test_the_heading_may_follow_titles_and_the_fullest_row_counts() -> None:
    columns = found(
        ("KẾ HOẠCH",),
        ("Nhiệm vụ", "Chủ trì", "Thời hạn"),
        ("Nhiệm vụ", "Chủ trì", "Thời hạn", "Kết quả"),
        ("x", "y", "z", "w"),
        first=5,
    )
    assert (columns.heading_row, columns.language, columns.day_first) == (7, "vi", True)


def test_a_heading_below_the_twentieth_row_is_not_looked_for() -> None:
    row = ("Task", "Lead", "Deadline")
    assert find_columns([sheet(row, first=20)], "plan") is not None
    assert find_columns([sheet(row, first=21)], "plan") is None


def test_the_first_sheet_with_a_heading_counts() -> None:
    sheets = [
        sheet(("Notes",), name="A"),
        sheet(("Task", "Lead", "Deadline"), name="B"),
        sheet(("Task", "Lead"), name="C"),
    ]
    columns = find_columns(sheets, "plan")
    assert columns is not None
    assert columns.sheet.name == "B"


@pytest.mark.parametrize(
    ("headings", "language"),
    [
        (("Task", "Lead", "Deadline"), "en"),
        (("Tâche", "Pilote", "Échéance"), "fr"),
        (("Nhiệm vụ", "Chủ trì", "Thời hạn"), "vi"),
        (("Task", "Chủ trì", "Deadline", "Kết quả"), None),
    ],
)
def test_the_language_is_that_of_most_headings(headings: tuple[str, ...], language: str | None) -> None:
    assert found(headings).language == language


def test_two_columns_for_one_field_are_an_error_and_unknown_ones_a_warning() -> None:
    columns = found(("Nhiệm vụ", "Chủ trì", "Thời hạn", "Thời gian hoàn thành", "Ghi chú", "Thời hạn chi tiết"))
    said = {(finding.severity, finding.column) for finding in columns.findings}
    assert said == {("error", "Thời gian hoàn thành"), ("warning", "Ghi chú"), ("warning", "Thời hạn chi tiết")}
    assert columns.of["deadline"] == 2


def test_words_of_fixed_values() -> None:
    assert word_value("priority", "KHẨN") == "urgent"
    assert word_value("priority", "high") == "high"
    assert word_value("deadline_kind", "trước") == "before"
    assert word_value("classification", "Tuyệt mật") == "top_secret"
    assert word_value("classification", "mật") == "confidential"
    assert word_value("priority", "khẩn lắm") is None
