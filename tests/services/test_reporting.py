"""Reports on request: the same bytes from the read models and from a replay of the log, at any pair of times."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.conftest import Database
from tests.services.test_importing import at, imported, old_history, written
from tests.store.test_append import append
from tests.support.databases import NewDatabase
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.ledgers import UNITS, line, micros, opened, record, submit

from ledger.domain.times import utc_text
from ledger.errors import BadQuery, NotFound
from ledger.merkle.hashing import EMPTY_ROOT, leaf_hash
from ledger.merkle.tree import tree_root
from ledger.reports import REPORTS
from ledger.reports.status import STATUSES
from ledger.reports.writers.json import write_json
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report, scope_of
from ledger.store.appending import append_on

TASKS = tuple(f"T{n}" for n in range(8))


def asked(ledger: Ledger, name: str, **more: object) -> dict[str, Any]:
    """The report as JSON, which a replay of the log answers to the byte."""
    answers = [write_json(report(ledger.queries(), ReportRequest(name, replay=replay, **more))) for replay in (0, 1)]
    found = json.loads(answers[0])
    if more.get("as_of"):
        assert answers[0] == answers[1]
    return dict(found)


# ── the same answer, however it is come by ───────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def grown(new_database: NewDatabase) -> Iterator[Ledger]:
    """A ledger that has grown for a while, which the tests only read."""
    with new_database() as database, opened(database) as ledger:
        chance = random.Random(2025)
        lines = [line("register_unit", f"unit/{code}", "2025-01-01", unit=code, name=code) for code in UNITS]
        lines.append(line("adopt_plan", "plan/P1", "2025-01-01", title="P", items=[{"code": "A1", "title": "A"}]))
        record(ledger, *lines)
        submit(ledger, *random_lines(chance, TASKS, 300))
        yield ledger


def test_any_question_has_one_answer(grown: Ledger) -> None:
    """For random (as_of, on), scopes and baselines, every report is the same to the byte with and without a replay."""
    chance = random.Random(57)
    times = [record.recorded_at for record in grown.log.records(0, 2**62)]
    seen = set()
    for _ in range(60 * EFFORT):
        name = chance.choice(list(REPORTS))
        request = ReportRequest(
            name,
            as_of=chance.choice((utc_text(chance.choice(times)), utc_text(chance.choice(times) - 1), "2999-01-01")),
            on=(dt.date(2025, 2, 25) + dt.timedelta(chance.randint(0, 40))).isoformat(),
            baseline=chance.choice((None, None, "active", "original")),
            unit=chance.choice((None, None, *UNITS)),
            plan=chance.choice((None, None, None, "P1")),
            task=chance.choice((None, None, None, *TASKS)),
        )
        seen.add(name)
        assert answer(grown, request, replay=False) == answer(grown, request, replay=True), request
    assert len(seen) > len(REPORTS) / 2


def answer(ledger: Ledger, request: ReportRequest, *, replay: bool) -> bytes | str:
    names = {name: getattr(request, name) for name in request.__struct_fields__} | {"replay": replay}
    try:
        return write_json(report(ledger.queries(), ReportRequest(**names)))
    except (BadQuery, NotFound) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_an_answer_to_the_plain_question(grown: Ledger, name: str) -> None:
    size = grown.log.head().next_position
    found = asked(grown, name, as_of="2999-01-01", on="2025-03-31")
    assert (found["report"], found["on"], found["position"]) == (name, "2025-03-31", size)
    assert found["as_of"].endswith("Z")
    assert found["rows"] is not None


def test_a_report_names_the_log_that_it_follows_from(grown: Ledger) -> None:
    leaves = [leaf_hash(entry) for _, entry in grown.log.entries(0, 2**62)]
    records = grown.log.records(0, 2**62)
    for position in (0, 1, 7, len(records)):
        as_of = utc_text(records[position - 1].recorded_at) if position else "1999-01-01T00:00:00Z"
        found = asked(grown, "status", as_of=as_of, on="2025-03-31")
        assert (found["position"], found["root"]) == (position, tree_root(leaves[:position]).hex())
    assert asked(grown, "status", as_of="1999-01-01", on="2025-03-31")["root"] == EMPTY_ROOT.hex()


def test_an_answer_stays_what_it_was(ledger: Ledger) -> None:
    """What is recorded later, however far it is dated back, changes no earlier answer."""
    submit(ledger, *random_lines(random.Random(3), TASKS[:3], 60))
    then = utc_text(ledger.log.head().recorded_at)
    questions = [(name, on) for name in REPORTS for on in ("2025-03-05", "2025-03-31")]
    before = {each: asked(ledger, each[0], as_of=then, on=each[1]) for each in questions}
    submit(ledger, *random_lines(random.Random(4), (*TASKS[:3], "T9"), 80))
    assert {each: asked(ledger, each[0], as_of=then, on=each[1]) for each in questions} == before


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def by(day: int) -> dict[str, str]:
    return {"date": f"2025-03-{day:02d}"}


STORIES: dict[str, list[tuple[Any, ...]]] = {
    "done_on_time": [("submit_result", 10, {"reviewer": "REV"}), ("accept_result", 12, {})],
    "done_late": [("submit_result", 11, {"reviewer": "REV"}), ("accept_result", 12, {})],
    "open_in_time": [("extend_deadline", 9, {"new_deadline": by(20)})],
    "open_overdue": [],
    "not_due": [("extend_deadline", 9, {"new_deadline": by(30)})],
    "suspended": [("suspend_task", 9, {})],
    "cancelled": [("cancel_task", 9, {})],
    "not_stated": [],
}


def test_every_status_is_counted_once_for_the_lead_of_the_day(ledger: Ledger) -> None:
    assert set(STORIES) == set(STATUSES)
    for status, story in STORIES.items():
        first: dict[str, Any] = {"title": status, "lead": "U1"}
        if status != "not_stated":
            first["deadline"] = by(10)
        if status == "not_due":
            first |= {"deadline": by(29), "start": "2025-03-18"}
        record(ledger, line("assign_task", status, 1, **first))
        record(ledger, *(line(command, status, day, **data) for command, day, data in story))
    record(ledger, line("submit_result", "open_overdue", 14, reviewer="REV"))
    record(ledger, line("reassign_lead", "open_overdue", 16, lead="U2"))
    found = asked(ledger, "status", as_of="2999-01-01", on="2025-03-15")
    (row,) = found["rows"]
    assert row["unit"] == "U1"
    assert {status: row[status] for status in STATUSES} == dict.fromkeys(STATUSES, 1)
    assert (row["total"], row["awaiting_review"]) == (8, 1)
    assert (found["total"]["total"], found["residual"]) == (8, None)
    later = asked(ledger, "status", as_of="2999-01-01", on="2025-03-16")
    assert [(row["unit"], row["total"], row["open_overdue"]) for row in later["rows"]] == [("U1", 7, 0), ("U2", 1, 1)]


@pytest.mark.parametrize("on", ["2025-02-20", "2025-03-01", "2025-03-15", "2025-03-31", "2025-12-31"])
def test_the_parts_sum_to_the_total_and_nothing_is_left_over(grown: Ledger, on: str) -> None:
    found = asked(grown, "status", as_of="2999-01-01", on=on)
    total = found["total"]
    assert total["total"] == sum(total[status] for status in STATUSES) == sum(row["total"] for row in found["rows"])
    for row in (*found["rows"], total):
        assert row["total"] == sum(row[status] for status in STATUSES)
    assert found["residual"] is None
    assert total["total"] <= len(TASKS)


def test_a_result_before_its_task_is_flagged(ledger: Ledger) -> None:
    record(
        ledger,
        line("assign_task", "T1", 5, title="t", lead="U1"),
        line("submit_result", "T1", 3, reviewer="REV"),
        line("accept_result", "T1", 6),
    )
    found = asked(ledger, "status", as_of="2999-01-01", on="2025-03-31")
    assert found["flags"] == {"ends_before_start": ["T1"]}
    assert asked(ledger, "status", as_of="2999-01-01", on="2025-03-05")["flags"] == {}


# ── deadlines ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deadlines_says_who_moved_which_by_how_much_and_why(ledger: Ledger) -> None:
    asking = {"request": "r1", "new_deadline": by(15), "reason": "late"}
    granted = {"request": "r1", "new_deadline": by(15), "grounds": [{"predecessor_lead": "U1"}], "document": "12/QĐ"}
    record(
        ledger,
        line("assign_task", "T1", 1, title="t", lead="U1", deadline=by(10)),
        line("assign_task", "T2", 1, title="t", lead="U3"),
        line("reassign_lead", "T1", 3, lead="U2"),
        line("request_extension", "T1", 4, unit="U2", **asking),
        line("extend_deadline", "T1", 5, **granted),
        line("bring_deadline_forward", "T1", 6, new_deadline=by(12)),
        line("rebaseline_task", "T2", 7, new_deadline=by(20)),
    )
    found = asked(ledger, "deadlines", as_of="2999-01-01", on="2025-03-31")
    picked = [
        {name: row[name] for name in ("task", "lead", "old", "new", "days", "requester", "document")}
        for row in found["rows"]
    ]
    assert [tuple(row.values()) for row in picked] == [
        ("T1", "U2", "2025-03-10", "2025-03-15", 5, "U2", "12/QĐ"),
        ("T1", "U2", "2025-03-15", "2025-03-12", -3, None, None),
        ("T2", "U3", None, "2025-03-20", None, None, None),
    ]
    assert found["rows"][0]["grounds"] == [{"predecessor_lead": "U1"}]
    assert [row["position"] for row in found["rows"]] == sorted(row["position"] for row in found["rows"])
    total = found["total"]
    assert (total["changes"], total["later"], total["earlier"]) == (3, 1, 1)
    assert asked(ledger, "deadlines", as_of="2999-01-01", on="2025-03-05")["total"]["changes"] == 1


# ── scopes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def stands_for(ledger: Ledger, unit: str, on: str, as_of: str = "2999-01-01") -> set[str]:
    queries = ledger.queries()
    found = []
    for replay in (False, True):
        with queries.reading(queries.point(as_of, on), replay=replay) as reading:
            found.append(scope_of(reading, unit, None, None).units)
    assert found[0] == found[1]
    return set(found[0] or ())


def test_a_unit_stands_for_those_below_it_on_the_day(ledger: Ledger) -> None:
    """U3 begins below U1, moves below U2, and U2 is merged into REV, which moves below AUTH."""
    record(
        ledger,
        line("move_unit", "unit/U3", 10, parent="U2"),
        line("merge_unit", "unit/U2", 15, into="REV"),
        line("move_unit", "unit/REV", 20, parent="AUTH"),
        line("move_unit", "unit/U3", 25, parent=None),
    )
    assert stands_for(ledger, "U1", "2025-03-09") == {"U1", "U3"}
    assert stands_for(ledger, "U1", "2025-03-10") == {"U1"}
    assert stands_for(ledger, "U2", "2025-03-10") == {"U2", "U3"}
    assert stands_for(ledger, "REV", "2025-03-14") == {"REV"}
    assert stands_for(ledger, "REV", "2025-03-15") == {"REV", "U2", "U3"}
    assert stands_for(ledger, "AUTH", "2025-03-19") == {"AUTH"}
    assert stands_for(ledger, "AUTH", "2025-03-20") == {"AUTH", "REV", "U2", "U3"}
    assert stands_for(ledger, "AUTH", "2025-03-25") == {"AUTH", "REV", "U2"}
    assert stands_for(ledger, "U3", "2025-03-25") == {"U3"}


def test_and_as_known_then(ledger: Ledger) -> None:
    then = utc_text(ledger.log.head().recorded_at)
    record(ledger, line("move_unit", "unit/U3", "2025-02-01", parent="U2"))
    assert stands_for(ledger, "U1", "2025-03-31", then) == {"U1", "U3"}
    assert stands_for(ledger, "U2", "2025-03-31", then) == {"U2"}
    assert stands_for(ledger, "U2", "2025-03-31") == {"U2", "U3"}
    assert stands_for(ledger, "U2", "2025-01-31") == {"U2"}


def test_the_tasks_of_a_unit_are_those_that_it_and_they_lead(ledger: Ledger) -> None:
    record(ledger, *(line("assign_task", f"of {unit}", 1, title="t", lead=unit) for unit in UNITS))
    found = asked(ledger, "status", as_of="2999-01-01", on="2025-03-31", unit="U1")
    assert [(row["unit"], row["total"]) for row in found["rows"]] == [("U1", 1), ("U3", 1)]
    assert found["parameters"] == {"unit": "U1"}


@pytest.mark.parametrize(
    ("parameter", "value", "kind"),
    [
        ("unit", "NOBODY", "unit"),
        ("unit", "", "unit"),
        ("unit", "\x00", "unit"),
        ("unit", "U1 ", "unit"),
        ("task", "T404", "task"),
        ("task", "", "task"),
        ("task", "\x00", "task"),
        ("task", "T\ud800", "task"),
        ("plan", "P404", "plan"),
        ("plan", "\x00", "plan"),
        ("name", "unheard-of", "report"),
    ],
)
def test_what_is_not_there_is_said_to_be_so(ledger: Ledger, parameter: str, value: str, kind: str) -> None:
    for replay in (False, True):
        request = {"name": "status", "replay": replay} | {parameter: value}
        with pytest.raises(NotFound) as error:
            report(ledger.queries(), ReportRequest(**request))
        assert error.value.kind == kind


def test_nor_is_what_was_not_there_yet(ledger: Ledger) -> None:
    then = utc_text(ledger.log.head().recorded_at)
    record(
        ledger,
        line("register_unit", "unit/NEW", 10, name="n"),
        line("assign_task", "T1", 10, title="t", lead="NEW"),
    )
    for more in ({"unit": "NEW"}, {"task": "T1"}):
        assert asked(ledger, "status", as_of="2999-01-01", on="2025-03-10", **more)["total"]["total"] == 1
        for as_of, on in ((then, "2025-03-10"), ("2999-01-01", "2025-03-09")):
            with pytest.raises(NotFound):
                asked(ledger, "status", as_of=as_of, on=on, **more)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("as_of", "20260101"), ("as_of", "2026-01-01T00:00:00"), ("on", "20260101"), ("on", "2026-01-01T00:00:00Z"),
     ("baseline", "first"), ("as_of", "9999-12-31"), ("as_of", "\x00")],
)  # fmt: skip
def test_a_parameter_that_cannot_be_read_is_named(ledger: Ledger, parameter: str, value: str) -> None:
    with pytest.raises(BadQuery) as error:
        report(ledger.queries(), ReportRequest(**({"name": "status"} | {parameter: value})))
    assert error.value.field == parameter


@pytest.mark.parametrize("on", ["1900-01-01", "2999-12-31"])
@pytest.mark.parametrize("name", REPORTS)
def test_the_ends_of_the_calendar_are_days_too(grown: Ledger, name: str, on: str) -> None:
    request = ReportRequest(name, as_of="2999-01-01", on=on)
    assert answer(grown, request, replay=False) == answer(grown, request, replay=True)


@pytest.mark.parametrize("on", ["0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31"])
def test_days_that_are_not_counted_with_are_refused(grown: Ledger, on: str) -> None:
    with pytest.raises(BadQuery, match="between") as error:
        grown.queries().point(None, on)
    assert error.value.field == "on"


def test_the_imports_that_a_report_rests_on_are_named(new_database: NewDatabase, tmp_path: Path) -> None:
    with new_database() as database, opened(database) as ledger:
        imported(ledger, written(tmp_path / "first.ndjson", *old_history()), history=True)
        second = at("2024-08-01T00:00:00Z", line("rename_unit", "unit/A", "2024-08-01", unit="A", name="x"))
        imported(ledger, written(tmp_path / "second.ndjson", second), history=True)
        names = {
            as_of: [file["name"] for file in asked(ledger, "status", as_of=as_of, on="2025-03-31")["imports"]]
            for as_of in ("2023-12-31", "2024-01-01", "2024-07-31T23:59:59Z", "2024-08-01T00:00:00Z")
        }
        assert list(names.values()) == [[], ["first.ndjson"], ["first.ndjson"], ["first.ndjson", "second.ndjson"]]
        assert micros("2024-08-01T00:00:00Z") == ledger.log.records(8, 9)[0].recorded_at - 1


# ── what was known now ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_for_now_can_be_had_again_by_the_time_it_names(ledger: Ledger) -> None:
    record(ledger, line("assign_task", "T1", 1, title="t", lead="U1"))
    now = asked(ledger, "status", on="2025-03-31")
    assert asked(ledger, "status", as_of=now["as_of"], on="2025-03-31") == now


def test_though_a_commit_was_under_way(database: Database, ledger: Ledger) -> None:
    ledger.clock.now = time.time_ns() // 1_000 + 60_000_000  # type: ignore[attr-defined]  # it stands
    with psycopg.connect(database.app, autocommit=True) as connection, connection.transaction():
        append_on(connection, [append("task/T1", 0, 0), append("x/1", 0)])  # not committed yet
        now = write_json(report(ledger.queries(), ReportRequest("status", on="2025-03-31")))
    as_of = json.loads(now)["as_of"]
    assert write_json(report(ledger.queries(), ReportRequest("status", as_of=as_of, on="2025-03-31"))) == now
