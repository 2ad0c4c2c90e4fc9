"""How far behind the log read models are, in seconds: for who asks the service, and on the command line."""

from __future__ import annotations

import json
from functools import partial

import pytest
from tests.conftest import Database
from tests.store.test_append import set_clock_ahead
from tests.support.ledgers import line, record
from tests.support.read_models import build_of
from typer.testing import CliRunner

from ledger.cli import session
from ledger.cli.app import app
from ledger.services import read_models
from ledger.services.ledger import Ledger

Lags = dict[str, float]
"""By read model, in seconds."""


@pytest.fixture
def lags(ledger: Ledger, database: Database) -> Lags:
    """How far behind they are: the timeline by the last record, the others by one more, of an hour before."""
    head = ledger.runner.catch_up()
    record(ledger, assigned("T1"))
    set_clock_ahead(database, 3600)
    record(ledger, assigned("T2"))
    ledger.runner.catch_up(head + 1, only=[build_of(ledger, "timeline")])
    first, second = ledger.log.records(head, head + 2)
    assert second.recorded_at - first.recorded_at > 3_500_000_000
    set_clock(ledger, second.recorded_at + 90_000_000)
    others = 90 + (second.recorded_at - first.recorded_at) / 1e6
    return {each.name: 90.0 if each.name == "timeline" else others for each in ledger.projections}


def assigned(code: str) -> bytes:
    return line("assign_task", code, 1, title=f"Task {code}", lead="U1")


def set_clock(ledger: Ledger, now: int) -> None:
    ledger.clock.now = now  # type: ignore[attr-defined]  # it stands still


def lags_now(ledger: Ledger) -> Lags:
    return {each.build.projection: read_models.lag_seconds(ledger, each) for each in read_models.standings(ledger)}


def test_the_lag_is_the_age_of_the_first_record_not_followed(ledger: Ledger, lags: Lags) -> None:
    assert lags_now(ledger) == pytest.approx(lags, abs=1e-6)
    set_clock(ledger, ledger.clock() + 1_500_000)
    assert lags_now(ledger) == pytest.approx({name: lag + 1.5 for name, lag in lags.items()}, abs=1e-6)


def test_there_is_none_where_all_was_followed(ledger: Ledger, lags: Lags) -> None:
    ledger.runner.catch_up()
    assert lags_now(ledger) == dict.fromkeys(lags, 0.0)


def test_nor_by_a_clock_that_is_behind_the_log(ledger: Ledger, lags: Lags) -> None:
    set_clock(ledger, ledger.log.records(0, 1)[0].recorded_at)
    assert lags_now(ledger) == dict.fromkeys(lags, 0.0)


def test_the_command_line_shows_it(
    ledger: Ledger, lags: Lags, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database.app)
    monkeypatch.setattr(session, "Ledger", partial(Ledger, clock=ledger.clock))
    listed = CliRunner().invoke(app, ["projections", "list", "--json"])
    assert listed.exit_code == 0, listed.output
    rows = json.loads(listed.stdout)
    assert {row["projection"]: row["lag_seconds"] for row in rows} == pytest.approx(lags, abs=0.0005)
    assert {row["projection"]: row["behind"] for row in rows} == {name: 1 if lags[name] == 90 else 2 for name in lags}
    shown = CliRunner().invoke(app, ["projections", "list"])
    assert shown.exit_code == 0, shown.output
    heads, *texts = shown.stdout.splitlines()
    assert heads.split()[-2:] == ["lag", "parked"]
    assert {text.split()[0]: text.split()[-3:] for text in texts} == {
        name: [f"{lag:,.1f}", "s", "0"] for name, lag in lags.items()
    }
