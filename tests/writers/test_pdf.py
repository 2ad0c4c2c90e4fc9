"""The pages, read back as text."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from pypdf import PdfReader
from tests.writers.documents import ROOT, document, overdue, status

from ledger.errors import BadQuery
from ledger.reports.language import LANGUAGES, Language
from ledger.reports.writers import pdf
from ledger.reports.writers.pdf import TypesettingError, write_pdf

TITLES = {"en": "Overdue tasks", "vi": "Nhiệm vụ quá hạn", "fr": "Tâches hors délai"}
PANGRAM = "Do bạch kim rất quý nên sẽ dùng để lắp vô xương: ẤẦẨẪẬ ắằẳẵặ ếềểễệ ốồổỗộ ớờởỡợ ứừửữự ýỳỷỹỵ Đđ"


def text_of(content: bytes) -> str:
    """All words of all pages, blanks as one, without the places where long words may break."""
    pages = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", pages.replace("\u200b", "")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_carry_title_heading_position_and_root(language: Language) -> None:
    reader = PdfReader(io.BytesIO(write_pdf(overdue(60), language)))
    assert len(reader.pages) > 1
    assert reader.metadata is not None
    assert reader.metadata.title == TITLES[language]
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert f"1234 · {ROOT}" in text
        assert f"{number}/{len(reader.pages)}" in text


def test_every_letter_of_vietnamese_is_there_in_the_embedded_font() -> None:
    content = write_pdf(overdue(1, PANGRAM), "vi")
    assert PANGRAM.replace(" ", "") in text_of(content).replace(" ", "")
    fonts = {
        font.get_object()["/BaseFont"].split("+")[-1]
        for page in PdfReader(io.BytesIO(content)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert fonts == {"BeVietnamPro-Regular", "BeVietnamPro-SemiBold"}


def test_total_and_residual_are_there() -> None:
    text = text_of(write_pdf(status(), "vi"))
    assert "Tổng số 187 41 17 119" in text
    assert "Chênh lệch 1" in text
    assert "Không hiển thị do thiếu chiều rộng" in text


def test_a_report_without_rows_is_a_page_that_says_so() -> None:
    assert "Không có dòng nào" in text_of(write_pdf(document("slip", []), "vi"))


@pytest.mark.parametrize("title", ['#panic("x") $x$ *b* @ref <tag> \\', "x" * 400, "\ufffe\x00\x1b", "数据 данные 🏛"])
def test_texts_are_set_as_they_are_and_never_as_markup(title: str) -> None:
    text = text_of(write_pdf(overdue(1, title), "en"))
    if title.startswith(("#", "x")):
        assert title.replace(" ", "") in text.replace(" ", "")


def test_the_creation_date_is_that_of_the_figures() -> None:
    made = PdfReader(io.BytesIO(write_pdf(overdue(), "fr"))).metadata
    assert made is not None
    assert made.creation_date is not None
    assert made.creation_date.isoformat() == "2025-11-20T16:59:59+00:00"


def test_too_many_rows_are_refused_and_a_failure_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypesettingError, match="JSON"):
        pdf._typeset(b"no json", 0, tagged=True)
    monkeypatch.setattr(pdf, "MOST_ROWS", 2)
    with pytest.raises(BadQuery, match="too many for pages"):
        write_pdf(overdue(3))
