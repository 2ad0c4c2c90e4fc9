"""The catalogues hold every message, translated, with the words that officials use."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from ledger.attribution import Cause
from ledger.domain.task import Status
from ledger.reports import REPORTS
from ledger.reports.attention import REASONS
from ledger.reports.changes import KINDS
from ledger.reports.language import LANGUAGES, Language, translator
from ledger.reports.locale.catalogue import TRANSLATED, in_step, messages, missing, mo_bytes, po_bytes, po_file, read
from ledger.reports.locale.codes import CODES
from ledger.settings import Settings

_PLACEHOLDER = re.compile(r"\{[a-z_0-9]*\}")


@pytest.mark.parametrize("language", TRANSLATED)
def test_both_files_are_in_step_with_the_sources(language: Language) -> None:
    """If this fails: python -m ledger.reports.locale."""
    assert po_file(language).read_bytes() == po_bytes(in_step(language))
    assert po_file(language).with_suffix(".mo").read_bytes() == mo_bytes(read(language))


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_and_none_by_a_guess(language: Language) -> None:
    assert missing(read(language)) == []
    assert len(read(language)) == len(messages()) > 200


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_message(language: Language) -> None:
    for message in read(language):
        first = message.id[0] if isinstance(message.id, tuple | list) else message.id
        said = message.string if isinstance(message.string, tuple | list) else [message.string]
        for each in said if message.id else ():
            assert sorted(_PLACEHOLDER.findall(each)) == sorted(_PLACEHOLDER.findall(first)), message.id


def test_vietnamese_has_one_plural_form_and_french_counts_none_as_one() -> None:
    assert (read("vi").num_plurals, read("fr").num_plurals) == (1, 2)
    assert translator("vi").count("{n} item", "{n} items", 1) == "1 hạng mục"
    assert [translator("fr").count("{n} item", "{n} items", n) for n in (0, 1, 2)] == [
        "0 rubrique", "1 rubrique", "2 rubriques",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "vietnamese", "french"),
    [
        ("done_on_time", "hoàn thành đúng hạn", "achevé dans les délais"),
        ("done_late", "hoàn thành quá hạn", "achevé en retard"),
        ("open_in_time", "đang thực hiện trong hạn", "en cours dans les délais"),
        ("open_overdue", "đang thực hiện quá hạn", "en cours hors délai"),
        ("not_due", "chưa đến hạn", "non échu"),
        ("suspended", "tạm dừng", "suspendu"),
        ("cancelled", "hủy", "annulé"),
        ("lead", "chủ trì", "pilote"),
        ("coordinating", "phối hợp", "associé"),
        ("blocker", "vướng mắc", "obstacle"),
    ],
)
def test_the_words_are_those_of_the_ministries_reports(code: str, vietnamese: str, french: str) -> None:
    assert (translator("vi").word(code), translator("fr").word(code)) == (vietnamese, french)


def test_headings_say_the_same_as_the_codes() -> None:
    for status in get_args(Status):
        (heading,) = {c.heading for report in REPORTS.values() for c in report.columns if c.key == status}
        for language in LANGUAGES:
            assert translator(language).text(heading).lower() == translator(language).word(status)


def test_every_code_that_a_report_can_show_is_known() -> None:
    parameters = [parameter for report in REPORTS.values() for parameter in report.parameters]
    choices = {choice for parameter in parameters for choice in parameter.choices}
    shown = {*get_args(Status), *get_args(Cause), *KINDS, *REASONS, *choices, *(each.name for each in parameters)}
    assert shown <= CODES


def test_the_settings_languages_are_the_catalogues() -> None:
    assert get_args(Settings.model_fields["language"].annotation) == LANGUAGES
