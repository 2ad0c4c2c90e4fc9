"""A plan taken in from a file, on the real database: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Database
from tests.services.plan_files.books import HEADINGS, ROW, plan, workbook
from tests.support.ledgers import beginnings, line, opened
from tests.support.ledgers import record as put

from ledger.domain.events import EventData, PlanAdopted, PlanAmended, TaskAssigned
from ledger.errors import BadFile, BadQuery, DatabaseUnavailable, LedgerError, NotFound, Refused
from ledger.services.deciding import Submission
from ledger.services.importing import Summary
from ledger.services.ledger import Ledger
from ledger.services.plan_files import plan_import
from ledger.services.plan_files.draft import Draft, PlanOptions
from ledger.services.plan_files.plan_check import check
from ledger.services.plan_files.plan_import import record

EXAMPLE = Path(__file__).parents[3] / "examples" / "plan-file"
PLAN = PlanOptions("P2", title="Plan two", document="12/KH")


def look(ledger: Ledger, path: Path, options: PlanOptions = PLAN) -> Draft:
    return check(ledger, path, "AUTH", options)


def take(ledger: Ledger, path: Path, options: PlanOptions = PLAN) -> Summary:
    """The file is taken in, all of it."""
    refused: list[Any] = []

    def report(row: int, outcome: object) -> None:
        if isinstance(outcome, LedgerError):
            refused.append((row, outcome))

    summary = record(ledger, look(ledger, path, options), lambda *_: None, report)
    assert refused == []
    return summary


def events(ledger: Ledger, stream: str) -> list[EventData]:
    return [each.event.data for each in ledger.log.stream_records({stream: 0}, 2**63 - 1).get(stream, [])]


def length(ledger: Ledger) -> int:
    return ledger.log.head().next_position


def errors(draft: Draft) -> list[tuple[int | None, str | None, str]]:
    return [(f.row, f.column, f.reason) for f in draft.findings if f.severity == "error"]


def warnings(draft: Draft) -> list[tuple[int | None, str | None, str]]:
    return [(f.row, f.column, f.reason) for f in draft.findings if f.severity == "warning"]


def rows(count: int) -> Sequence[Sequence[str]]:
    return [(f"{word} {number * 7919 % 10_007}", *ROW[1:]) for number in range(count) for word in [f"Việc {number:x}"]]


@pytest.mark.parametrize("name", ["plan.xlsx", "plan.csv"])
def test_the_example_is_taken_in_whole_and_once(database: Database, name: str) -> None:
    from ledger.services.plan_files.unit_files import check_units, record_units  # noqa: PLC0415 - only here

    with opened(database) as ledger:
        units = check_units(ledger, EXAMPLE / "units.csv", "BM", "2025-01-01")
        record_units(ledger, units, update=False, progress=lambda *_: None)
        options = PlanOptions("KH-2025", title="Kế hoạch chuyển đổi số năm 2025", effective="2025-01-15")
        draft = check(ledger, EXAMPLE / name, "VKH", options)
        assert draft.findings == ()
        summary = record(ledger, draft, lambda *_: None, lambda *_: None)
        assert (summary.recorded, summary.replayed, summary.refused) == (6, 0, 0)
        (adopted,) = events(ledger, "plan/KH-2025")
        assert isinstance(adopted, PlanAdopted)
        assert [(item.code, item.parent, item.phase) for item in adopted.items][:4] == [
            ("THE-CHE", None, None),
            ("THE-CHE/GIAI-DOAN-1", "THE-CHE", "Giai đoạn 1"),
            ("THE-CHE/GIAI-DOAN-2", "THE-CHE", "Giai đoạn 2"),
            ("DU-LIEU", None, None),
        ]
        first = draft.tasks[0]
        (assigned,) = events(ledger, f"task/{first.code}")
        assert isinstance(assigned, TaskAssigned)
        assert assigned.deadline is not None
        assert (assigned.lead, assigned.authority, assigned.coordinating) == ("VPC", "VKH", ("CDL", "VKH"))
        assert (str(assigned.deadline.date), assigned.deadline.kind) == ("2025-10-15", "before")
        assert [cited.item for cited in assigned.plan_items] == ["THE-CHE/GIAI-DOAN-1"]
        before = length(ledger)
        again = check(ledger, EXAMPLE / name, "VKH", PlanOptions("KH-2025"))
        assert (again.effective, again.findings, again.steps) == ("2025-01-15", (), ())
        summary = record(ledger, again, lambda *_: None, lambda *_: None)
        assert (summary.recorded, summary.replayed, length(ledger)) == (0, 6, before)


def test_a_faulty_file_changes_nothing(database: Database, tmp_path: Path) -> None:
    path = plan(tmp_path / "a.xlsx", *rows(3), ("", *ROW[1:]), (ROW[0], "U7", *ROW[2:]))
    with opened(database) as ledger:
        put(ledger, *beginnings())
        before = length(ledger)
        draft = look(ledger, path)
        assert [(row, column) for row, column, _ in errors(draft)] == [(5, "Nhiệm vụ"), (6, "Đơn vị chủ trì")]
        with pytest.raises(BadFile, match="nothing of it is recorded"):
            record(ledger, draft, lambda *_: None, lambda *_: None)
        assert length(ledger) == before


def test_a_dry_run_shows_what_would_happen_and_changes_nothing(database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        put(ledger, *beginnings())
        before = length(ledger)
        draft = look(ledger, plan(tmp_path / "a.csv", ROW))
        assert [(task.code, task.line.lead, task.recorded) for task in draft.tasks] == [("P2-2", "U1", False)]
        assert (length(ledger), "P2" in ledger.directory.known().plans) == (before, False)


class Cut(Exception):  # noqa: N818 - it stands for a kill
    """The process ends here."""


def test_cut_off_half_way_and_run_again_on_another_day_all_is_there_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_import, "BATCH", 10)
    path = plan(tmp_path / "a.xlsx", *rows(35))

    def cut(done: int, _: int) -> None:
        if done == 20:
            raise Cut

    with opened(database, "2025-03-30T12:00:00+07:00") as ledger:
        put(ledger, *beginnings())
        before = length(ledger)
        with pytest.raises(Cut):
            record(ledger, look(ledger, path), cut, lambda *_: None)
        assert length(ledger) == before + 1 + 20
    with opened(database, "2025-03-31T12:00:00+07:00") as ledger:
        draft = look(ledger, path)
        assert (draft.effective, draft.findings) == ("2025-03-30", ())
        summary = take(ledger, path)
        assert (summary.lines, summary.recorded, summary.replayed) == (35, 15, 20)
        assert length(ledger) == before + 1 + 35
        assert take(ledger, path).recorded == 0


def test_an_answer_that_is_lost_is_found_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plan(tmp_path / "a.csv", *rows(5))
    with opened(database) as ledger:
        put(ledger, *beginnings())
        handle = ledger.commands.handle

        def lost(submissions: Sequence[Submission]) -> None:
            handle(submissions)
            raise DatabaseUnavailable("the connection was cut")

        monkeypatch.setattr(ledger.commands, "handle", lost)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                take(ledger, path)
        monkeypatch.undo()
        after = length(ledger)
        assert (take(ledger, path).replayed, length(ledger)) == (5, after)


def test_codes_of_the_file_are_kept_and_known_ones_refused(database: Database, tmp_path: Path) -> None:
    headings = ("Mã nhiệm vụ", *HEADINGS)
    with opened(database) as ledger:
        put(ledger, *beginnings(), line("assign_task", "T1", 1, title="Old", lead="U2"))
        path = plan(tmp_path / "a.csv", *(("T1", *rows(1)[0]), ("T2", *ROW), ("T2", *rows(2)[1])), headings=headings)
        assert errors(look(ledger, path)) == [
            (2, "Mã nhiệm vụ", "T1 is the code of a task of the ledger already"),
            (4, "Mã nhiệm vụ", "T2 is the code of row 3 already"),
        ]
        bad = plan(tmp_path / "b.csv", ("x" * 121, *ROW), ("", *rows(1)[0]), headings=headings)
        assert errors(look(ledger, bad))[0][:2] == (2, "Mã nhiệm vụ")
        good = plan(tmp_path / "c.csv", ("A/1", *ROW), ("", *rows(1)[0]), headings=headings)
        take(ledger, good)
        assert events(ledger, "task/A/1")
        assert events(ledger, "task/P2-3")


def test_titles_nearly_equal_under_the_same_lead_are_warned_of(database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        put(ledger, *beginnings(), line("assign_task", "T1", 1, title=ROW[0].upper(), lead="U1"))
        path = plan(tmp_path / "a.csv", ROW, (ROW[0] + ".", *ROW[1:]), (ROW[0], "U2", *ROW[2:]))
        draft = look(ledger, path)
        assert warnings(draft) == [
            (2, "Nhiệm vụ", "nearly the same title and lead as task T1"),
            (3, "Nhiệm vụ", "nearly the same title and lead as task T1"),
        ]
        assert take(ledger, path).recorded == 3


def test_a_known_plan_is_amended_with_the_items_that_it_lacks(database: Database, tmp_path: Path) -> None:
    headings = (*HEADINGS, "Trụ cột", "Giai đoạn", "Mã mục")
    path = plan(
        tmp_path / "a.csv",
        (*rows(1)[0], "", "", "A1"),
        (*rows(2)[1], "Dữ liệu", "", ""),
        (*rows(3)[2], "Dữ liệu", "1", "A2"),
        (*rows(4)[3], "", "Giai đoạn 2", ""),
        rows(5)[4],
        headings=headings,
    )
    with opened(database) as ledger:
        put(ledger, *beginnings())
        take(ledger, path, PlanOptions("P1"))
        _, amended = events(ledger, "plan/P1")
        assert isinstance(amended, PlanAmended)
        found = [(item.code, item.title, item.parent, item.phase) for item in amended.items]
        assert found == [
            ("DU-LIEU", "Dữ liệu", None, None),
            ("A2", "Dữ liệu", "DU-LIEU", "1"),
            ("GIAI-DOAN-2", "Giai đoạn 2", None, "Giai đoạn 2"),
            ("P1", "Plan", None, None),
        ]
        cited = [events(ledger, f"task/P1-{row}")[0].plan_items[0].item for row in range(2, 7)]  # type: ignore[attr-defined]
        assert cited == ["A1", "DU-LIEU", "A2", "GIAI-DOAN-2", "P1"]


def test_pillars_that_differ_only_in_accents_or_case_are_an_error(database: Database, tmp_path: Path) -> None:
    headings = (*HEADINGS, "Trụ cột")
    path = plan(tmp_path / "a.csv", (*rows(1)[0], "Thể chế"), (*rows(2)[1], "Thể Chế"), headings=headings)
    with opened(database) as ledger:
        put(ledger, *beginnings())
        ((row, column, reason),) = errors(look(ledger, path))
        assert (row, column) == (3, "Trụ cột")
        assert "spell them alike" in reason


def test_a_plan_with_more_items_than_a_record_holds_is_adopted_in_steps(database: Database, tmp_path: Path) -> None:
    headings = (*HEADINGS, "Mã mục", "Trụ cột")
    path = plan(
        tmp_path / "a.csv",
        *[(*row, f"M{n}", f"{n} " + "trụ " * 100) for n, row in enumerate(rows(150))],
        headings=headings,
    )
    with opened(database) as ledger:
        put(ledger, *beginnings())
        assert take(ledger, path).recorded == 150
        assert len(events(ledger, "plan/P2")) > 1
        known = ledger.directory.known().plans["P2"]
        assert len(known.segments[-1].items) == 300


def test_options_that_do_not_fit(database: Database, tmp_path: Path) -> None:
    cases: list[tuple[PlanOptions, type[LedgerError], str]] = [
        (PlanOptions("P2"), BadQuery, "not adopted yet: give it a title"),
        (PlanOptions("P1", title="Another"), BadQuery, "has the title 'Plan'"),
        (PlanOptions("P2", title="x", authority="NO"), NotFound, "no unit NO"),
        (PlanOptions("P2", title="x", effective="01/02/2025"), BadQuery, "is not a day"),
        (PlanOptions("P2", title="x", effective="2025-04-01"), Refused, "when it has happened"),
        (PlanOptions("P1", effective="2024-12-31"), Refused, "adopted after"),
        (PlanOptions("P2", title="x", sheet="Other"), BadFile, "it has no sheet 'Other'; it has Kế hoạch"),
        (PlanOptions(" P2", title="x"), Refused, "plan"),
    ]
    path = plan(tmp_path / "a.xlsx", ROW)
    with opened(database) as ledger:
        put(ledger, *beginnings())
        before = length(ledger)
        for options, error, reason in cases:
            with pytest.raises(error, match=reason):
                look(ledger, path, options)
        assert length(ledger) == before


def test_files_without_a_plan(database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        put(ledger, *beginnings())
        with pytest.raises(BadFile, match="no row below the heading"):
            look(ledger, plan(tmp_path / "a.xlsx"))
        with pytest.raises(BadFile, match="is a heading known here"):
            look(ledger, workbook(tmp_path / "b.xlsx", [["x", "y"], ["z"]]))
        with pytest.raises(NotFound, match="no unit NO"):
            check(ledger, plan(tmp_path / "a.xlsx", ROW), "NO", PLAN)


def test_a_start_behind_the_deadline_is_an_error_of_its_cell(database: Database, tmp_path: Path) -> None:
    path = plan(tmp_path / "a.csv", (*ROW, "01/01/2026"), headings=(*HEADINGS, "Ngày bắt đầu"))
    with opened(database) as ledger:
        put(ledger, *beginnings())
        assert errors(look(ledger, path)) == [(2, "Ngày bắt đầu", "the planned start lies after the deadline")]


def test_a_text_that_looks_like_a_formula_stays_text(database: Database, tmp_path: Path) -> None:
    with opened(database) as ledger:
        put(ledger, *beginnings())
        take(ledger, plan(tmp_path / "a.xlsx", ("=1+1", *ROW[1:])))
        (assigned,) = events(ledger, "task/P2-2")
        assert isinstance(assigned, TaskAssigned)
        assert ledger.texts.opened([assigned.title]) == ["=1+1"]
