"""The worked examples of docs/attribution.md are what the ledger answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .examples import check

PAGE = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text()
BLOCKS = [
    pytest.param(block["text"], id=f"line-{PAGE.count(chr(10), 0, block.start()) + 1}")
    for block in re.finditer(r"```example\n(?P<text>.*?)```", PAGE, re.DOTALL)
]


@pytest.mark.parametrize("example", BLOCKS)
def test_example_is_what_the_ledger_answers(example: str) -> None:
    check(example)


def test_every_rule_has_an_example() -> None:
    sections = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)
    without = {section.splitlines()[0] for section in sections[1:] if "```example" not in section}
    told_elsewhere = {
        "One cause for each slip day",
        "Extensions",
        "Evidence",
        "Working days",
        "One answer for every day",
    }
    assert without == told_elsewhere


def test_links_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
