"""The proposals' history: its known figures, and the read models held against a plain fold over the log."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import conftest

from ledger.domain.times import utc_text
from ledger.reports import REPORTS
from ledger.reports.writers.json import write_json
from ledger.services.answers import Recorded
from ledger.services.demo import write_commands
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.settings import Settings

PAIRS = 50
README = Path(__file__).parent.parent.parent / "README.md"


@pytest.fixture(scope="module")
def proposals(
    embedded_server: conftest.EmbeddedServer,
    _maintenance: conftest.psycopg.Connection,
    _template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ledger]:
    """A ledger with the whole history."""
    file = tmp_path_factory.mktemp("proposals") / "kubernetes-enhancements.ndjson"
    write_commands(file)
    for database in conftest._fresh(embedded_server, _maintenance, _template):
        with Ledger(Settings(database_url=database.app)) as ledger:
            summary = ledger.importer.history(file, _all_recorded, lambda _done, _total: None)
            assert summary.recorded == summary.lines > 3_000
            yield ledger


def _all_recorded(number: int, outcome: object) -> None:
    assert isinstance(outcome, Recorded), (number, outcome)


def test_there_are_1242_tasks(proposals: Ledger) -> None:
    assert report(proposals.queries(), ReportRequest("status")).body.total["total"] == 1_242


def test_the_same_file_gives_the_same_log_everywhere_as_the_readme_shows(proposals: Ledger) -> None:
    size = proposals.log.head().next_position
    assert f"Log: {size:,} records, root {proposals.tiles.root(size).hex()}\n" in README.read_text(encoding="utf-8")


def test_614_deadlines_changed_599_later_and_15_earlier(proposals: Ledger) -> None:
    body = report(proposals.queries(), ReportRequest("deadlines")).body
    assert (len(body.rows), body.total["later"], body.total["earlier"]) == (614, 599, 15)
    later = [row for row in body.rows if row["days"] > 0]
    assert len({row["task"] for row in later}) == 362
    assert Counter(row["lead"] for row in later).most_common(5) == [
        ("sig-node", 203),
        ("sig-network", 73),
        ("sig-storage", 70),
        ("sig-scheduling", 44),
        ("sig-apps", 43),
    ]
    assert Counter(row["task"].rsplit("-", 1)[1] for row in later) == {"alpha": 133, "beta": 206, "stable": 260}


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_read_models_and_replay_give_the_same_bytes_at_any_pair_of_times(proposals: Ledger, name: str) -> None:
    rng = random.Random(name)
    queries = proposals.queries()
    head = proposals.log.head()
    first = proposals.log.records(0, 1)[0].recorded_at
    for _ in range(max(PAIRS // len(REPORTS), 5)):
        as_of = utc_text(rng.randrange(first, head.recorded_at))
        on = dt.date(2020, 3, 1) + dt.timedelta(days=rng.randrange(2_600))
        asked = {"name": name, "as_of": as_of, "on": on.isoformat()}
        tabled = write_json(report(queries, ReportRequest(**asked)))
        replayed = write_json(report(queries, ReportRequest(**asked, replay=True)))
        assert tabled == replayed, asked


def test_a_report_names_the_file_that_it_rests_on(proposals: Ledger) -> None:
    document = report(proposals.queries(), ReportRequest("status"))
    assert [file["name"] for file in document.opened().imports] == ["kubernetes-enhancements.ndjson"]
    assert len(document.imports[0]["sha256"]) == len(document.root) == 64


def test_slip_sums_to_the_tasks_own_slips(proposals: Ledger) -> None:
    queries = proposals.queries()
    body = report(queries, ReportRequest("slip", on="2024-12-31")).body
    tasks = body.more["tasks"]
    assert body.residual is None
    assert body.total["calendar_days"] == sum(task["slip"]["calendar_days"] for task in tasks) > 0
    for task in random.Random(1).sample(tasks, 5):
        alone = report(queries, ReportRequest("slip", on="2024-12-31", task=task["task"])).body
        assert alone.more["tasks"] == [task]


def test_an_export_restores_to_the_same_hashes_and_reports(
    proposals: Ledger, database: conftest.Database, tmp_path: Path
) -> None:
    from ledger.services.export import export, restore  # noqa: PLC0415 - only this test needs them

    file = tmp_path / "export.ndjson"
    count = export(proposals.log, file, lambda _done, _total: None)
    with Ledger(Settings(database_url=database.app)) as other:
        assert restore(other, file, lambda _done, _total: None) == count
        assert other.tiles.root(count) == proposals.tiles.root(count)
        assert other.log.entries(0, count) == proposals.log.entries(0, count)
        for name in REPORTS:
            asked = ReportRequest(name, as_of="2024-06-30", on="2024-06-30")
            assert write_json(report(other.queries(), asked)) == write_json(report(proposals.queries(), asked))
