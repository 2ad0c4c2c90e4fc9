"""What holds of every writer."""

from __future__ import annotations

import csv
import io

import orjson
import pytest
from tests.writers.documents import FORMULAS, document, overdue, status

from ledger.reports import REPORTS
from ledger.reports.language import LANGUAGES, Language
from ledger.reports.writers import WRITERS


@pytest.mark.parametrize("format_name", WRITERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_document_gives_the_same_bytes(format_name: str, language: Language) -> None:
    _, write = WRITERS[format_name]
    assert write(overdue(), language) == write(overdue(), language)


@pytest.mark.parametrize("format_name", ["json", "csv"])
def test_what_programs_read_is_the_same_in_every_language(format_name: str) -> None:
    _, write = WRITERS[format_name]
    assert len({write(overdue(), language) for language in LANGUAGES}) == 1
    assert write(overdue()) == write(overdue(), "en")


def test_json_has_codes_and_keys() -> None:
    row = orjson.loads(WRITERS["json"][1](overdue(1), "vi"))["rows"][0]
    assert row["cause"] == "ungrounded_extension"
    assert row["current"] == "2025-10-15"


def test_csv_has_codes_and_keys_and_no_formulas() -> None:
    text = WRITERS["csv"][1](document("overdue", [{"title": each} for each in FORMULAS]), "vi").decode("utf-8-sig")
    heading, *rows = csv.reader(io.StringIO(text))
    assert heading == [column.key for column in REPORTS["overdue"].columns]
    assert [row[1] for row in rows] == [f"'{each}" for each in FORMULAS]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "No rows: nothing in this scope answers to the report."),
        ("vi", "Không có dòng nào: trong phạm vi này không có nội dung thuộc báo cáo."),
        ("fr", "Aucune ligne\u00a0: rien dans ce périmètre ne relève de ce rapport."),
    ],
)
def test_a_report_without_rows_says_so(language: Language, sentence: str) -> None:
    for name in REPORTS:
        assert sentence in WRITERS["table"][1](document(name, []), language).decode()


def test_every_report_is_written_in_every_format_and_language() -> None:
    for name, report in REPORTS.items():
        row = {c.key: {"number": 1, "date": "2025-03-08"}.get(c.kind, "x") for c in report.columns}
        for language in LANGUAGES:
            for format_name in ("table", "json", "csv", "xlsx"):
                assert WRITERS[format_name][1](document(name, [row]), language)


def test_the_residual_is_shown_where_parts_do_not_sum() -> None:
    lines = WRITERS["table"][1](status(), "vi").decode().splitlines()
    assert any(line.split() == ["Chênh", "lệch", "1"] for line in lines)
    assert "Cảnh báo thời hạn trước ngày bắt đầu: T1" in lines
