"""Every event is one sentence, in every language."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from tests.support.any_event import EVENTS

from ledger.domain import events as ev
from ledger.domain.values import Deadline, Ground
from ledger.reports.language import LANGUAGES, Language
from ledger.reports.words import MESSAGES, describe


@settings(max_examples=60)
@given(EVENTS)
def test_every_event_of_every_type_has_one(event: ev.Event) -> None:
    for language in LANGUAGES:
        sentence = describe(event.data, language)
        assert sentence.endswith((".", "!", "?", "…"))


def test_no_event_type_is_forgotten() -> None:
    assert len(MESSAGES) > len(ev.EVENT_TYPES)


@pytest.mark.parametrize(
    ("language", "granted", "grounds"),
    [
        ("en", "Extended to be due by 2025-03-31, approved by AUTH (12/QĐ)", "blocker b1 and the suspension by U2: "),
        (
            "vi",
            "Gia hạn, thời hạn mới đến hết ngày 31/03/2025, AUTH phê duyệt (12/QĐ)",
            "vướng mắc b1 và việc",
        ),
        (
            "fr",
            "Prorogation accordée, nouvelle échéance\u00a0: au plus tard le 31/03/2025",
            "obstacle b1 et la",
        ),
    ],
)
def test_an_extension_says_until_when_and_on_what_grounds(language: Language, granted: str, grounds: str) -> None:
    event = ev.DeadlineExtended(
        new_deadline=Deadline(dt.date(2025, 3, 31)),
        grounds=(Ground(blocker="b1"), Ground(suspension_by="U2")),
        approved_by="AUTH",
        document="12/QĐ",
        reason="chờ dữ liệu",
        retroactive=False,
        request=None,
    )
    sentence = describe(event, language)
    assert sentence.startswith(granted)
    assert grounds in sentence
    assert sentence.endswith(": chờ dữ liệu.")


def test_before_a_day_is_not_by_it() -> None:
    event = ev.Rebaselined(
        new_deadline=Deadline(dt.date(2025, 10, 15), "before"), approved_by="A", document=None, reason=None
    )
    assert "trước ngày 15/10/2025" in describe(event, "vi")
    assert "avant le 15/10/2025" in describe(event, "fr")
