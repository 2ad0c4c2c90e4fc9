"""Every refusal of the domain is shown by a test, and says in words what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import ledger.domain

SOURCE = Path(ledger.domain.__file__).parent
CODE = re.compile(r'Refused\(\s*"(\w+)"')
SHOWN = re.compile(r'then_refused\(\s*"(\w+)"')


def test_every_code_has_a_test() -> None:
    codes = {code for path in SOURCE.rglob("*.py") for code in CODE.findall(path.read_text(encoding="utf-8"))}
    shown = {
        code
        for path in Path(__file__).parent.glob("test_*.py")
        for code in SHOWN.findall(path.read_text(encoding="utf-8"))
    }
    assert len(codes) > 40
    assert codes <= shown, codes - shown
    assert shown <= codes, shown - codes
