"""The parameters that reports declare: read strictly, refused where they do not belong, shown when given."""

from __future__ import annotations

import pytest
from tests.reports.asking import ask
from typer.testing import CliRunner

from ledger.cli.app import app
from ledger.errors import BadQuery, NotFound
from ledger.reports import REPORTS
from ledger.services.ledger import Ledger


def test_names_are_unlike_those_that_every_report_takes() -> None:
    for report in REPORTS.values():
        names = [parameter.name for parameter in report.parameters]
        assert len(set(names)) == len(names)
        assert not {"name", "as_of", "on", "baseline", "unit", "plan", "task", "format", "lang"} & set(names)


@pytest.mark.parametrize(
    ("report", "given", "says"),
    [
        ("status", {"days": "3"}, "days: the report status has no such parameter: it takes units"),
        ("overdue", {"units": "successors"}, "units: the report overdue has no such parameter: it takes none"),
        ("due", {"days": "-1"}, "days: '-1' is not a whole number"),
        ("due", {"days": "٣"}, "days: '٣' is not a whole number"),
        ("due", {"days": "100001"}, "days: '100001' is not a whole number"),
        ("changes", {"since_on": "yesterday"}, "since_on: 'yesterday' is not a day"),
        ("changes", {"since_as_of": "yesterday"}, "since_as_of: 'yesterday' is neither"),
        ("plan", {"by": "phase"}, "by: 'phase' is not one of pillar, item"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(ledger: Ledger, report: str, given: dict[str, str], says: str) -> None:
    with pytest.raises(BadQuery) as raised:
        ask(ledger, report, **given)
    assert str(raised.value).startswith(says)
    assert raised.value.field in given


def test_those_given_are_shown_and_no_others(ledger: Ledger) -> None:
    assert ask(ledger, "due")["parameters"] == {}
    assert ask(ledger, "due", days="010", unit="U1")["parameters"] == {"unit": "U1", "days": 10}
    assert ask(ledger, "changes", since_on="2025-03-01")["parameters"] == {"since_on": "2025-03-01"}


def test_an_unknown_plan_is_not_an_empty_one(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ask(ledger, "status", plan="nope")


def test_the_command_line_has_an_option_for_each() -> None:
    text = CliRunner().invoke(app, ["report", "--help"], env={"COLUMNS": "200"}).output
    for report in REPORTS.values():
        for parameter in report.parameters:
            assert f"--{parameter.name.replace('_', '-')} " in text
