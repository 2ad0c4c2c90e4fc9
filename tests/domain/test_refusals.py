"""Every refusal of units, plans and tasks is shown by a test."""

from __future__ import annotations

import re
from pathlib import Path

import ledger.domain

SOURCE = Path(ledger.domain.__file__).parent
COVERED = [*SOURCE.glob("task/*.py"), SOURCE / "plan.py", SOURCE / "rules.py", SOURCE / "unit.py"]
CODE = re.compile(r'Refused\(\s*"(\w+)"')
SHOWN = re.compile(r'then_refused\(\s*"(\w+)"')


def test_every_code_has_a_test() -> None:
    codes = {code for path in COVERED for code in CODE.findall(path.read_text(encoding="utf-8"))}
    tests = Path(__file__).parent.glob("test_*.py")
    shown = {code for path in tests for code in SHOWN.findall(path.read_text(encoding="utf-8"))}
    assert len(codes) > 40, "the pattern finds them no more"
    assert codes <= shown, codes - shown
