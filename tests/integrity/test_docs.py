"""docs/integrity.md names what `ledger verify` says, and nothing else."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_finding_is_explained_and_every_name_explained_is_a_finding() -> None:
    section = (DOCS / "integrity.md").read_text().split("## What `ledger verify` says")[1].split("\n## ")[0]
    explained = {
        name for row in re.findall(r"^\| (`[^|]*)\|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    said: set[str] = set()
    for module in ("verification.py", "log_scan.py", "text_scan.py"):
        source = resources.files("ledger.services").joinpath(module).read_text(encoding="utf-8")
        said.update(re.findall(r'(?:find|Finding|setdefault)\(\s*"([A-Z_]+)"', source))
    assert explained == said


def test_the_settings_are_described() -> None:
    text = (DOCS / "operations.md").read_text()
    assert "`LEDGER_KEY_FILE`" in text
    assert "`LEDGER_ORIGIN`" in text
