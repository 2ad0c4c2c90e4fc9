"""Numbers and dates as offices write them."""

from __future__ import annotations

import pytest

from ledger.errors import SettingsError
from ledger.reports.language import LANGUAGES, Language, translator
from ledger.settings import Settings, load


@pytest.mark.parametrize(
    ("language", "day", "number", "part", "percent"),
    [
        ("en", "2025-03-08", "1,234,567", "21.9", "45.5"),
        ("vi", "08/03/2025", "1.234.567", "21,9", "45,5"),
        ("fr", "08/03/2025", "1\u202f234\u202f567", "21,9", "45,5"),
    ],
)
def test_each_language_has_its_own_ways(language: Language, day: str, number: str, part: str, percent: str) -> None:
    speak = translator(language)
    assert speak.date("2025-03-08") == day
    assert speak.number(1_234_567) == number
    assert speak.number(-1_234_567) == f"-{number}"
    assert speak.number(21.9) == part
    assert speak.number(31.0) == part.replace("21", "31").replace("9", "0")
    assert speak.percent(4550) == percent
    assert speak.percent(10_000) == "100"


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        ("2025-03-08T23:59:59+07:00", "08/03/2025 23:59:59"),
        ("2025-03-08T16:59:59.000000Z", "08/03/2025 16:59:59 UTC"),
        ("2025-03-08T16:59:59.999990Z", "08/03/2025 16:59:59.99999 UTC"),
    ],
)
def test_an_instant_says_whose_clock_it_is_unless_it_is_the_ledgers_own(instant: str, shown: str) -> None:
    assert translator("vi").date(instant) == shown


def test_a_text_that_is_no_code_of_ours_is_nobodys_to_translate() -> None:
    assert translator("vi").word("done_late") == "hoàn thành quá hạn"
    assert translator("en").word("done_late") == "done late"
    assert translator("vi").word("sig_node") == "sig_node"


def test_the_setting_takes_the_languages_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().language == "en"
    for language in LANGUAGES:
        monkeypatch.setenv("LEDGER_LANGUAGE", language)
        assert load().language == language
    monkeypatch.setenv("LEDGER_LANGUAGE", "de")
    with pytest.raises(SettingsError, match="LEDGER_LANGUAGE"):
        load()
