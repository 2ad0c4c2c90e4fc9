"""Files of command lines: as they are, and as the history of an older system."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import Database
from tests.store.test_append import check_whole
from tests.support.databases import NewDatabase
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.killing import killed
from tests.support.ledgers import beginnings, line, micros, opened, record, submit
from tests.support.read_models import check_rebuilt_alike, contents

from ledger.domain.events import HistoryImported, Record
from ledger.errors import BadFile, LedgerError, Refused
from ledger.services import importing
from ledger.services.answers import Recorded
from ledger.services.command_line import MAX_LINE_BYTES
from ledger.services.commands import Outcome
from ledger.services.importing import Summary
from ledger.services.ledger import Ledger

ASSIGN = line("assign_task", "T1", 1, title="A promise", lead="U1", deadline={"date": "2025-03-20"})


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(each + b"\n" for each in lines))
    return path


def imported(ledger: Ledger, path: Path, *, history: bool = False) -> tuple[Summary, dict[int, Outcome]]:
    """The summary, and what became of each line by its number."""
    outcomes: dict[int, Outcome] = {}
    take = ledger.importer.history if history else ledger.importer.commands
    summary = take(path, outcomes.__setitem__, lambda *_: None)
    assert summary.lines == len(outcomes)
    return summary, outcomes


def records(ledger: Ledger) -> list[Record]:
    return ledger.log.records(0, 2**62)


# ── as they are ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_faulty_line_is_reported_with_its_number_and_the_others_are_recorded(ledger: Ledger, tmp_path: Path) -> None:
    path = written(
        tmp_path / "commands.ndjson",
        ASSIGN,
        b"",
        b'{"command":"report_progress","task":"T1",',
        line("report_progress", "T1", 2, percent=101),
        b"   ",
        b"\xff\xfe",
        line("report_progress", "T9", 2, percent=1),
        b"x" * (3 * MAX_LINE_BYTES),
        line("report_progress", "T1", 2, percent=1, recorded_at="2025-01-01T00:00:00Z"),
        line("report_progress", "T1", 2, percent=2),
    )
    summary, outcomes = imported(ledger, path)
    assert summary == Summary(lines=8, recorded=2, replayed=0, refused=6, warnings=0)
    assert {number: outcome.code for number, outcome in outcomes.items() if isinstance(outcome, Refused)} == {
        3: "malformed_json", 4: "percent_out_of_range", 6: "malformed_json", 7: "unknown_task", 8: "line_too_long",
        9: "recorded_at_given",
    }  # fmt: skip
    assert [number for number, outcome in outcomes.items() if isinstance(outcome, Recorded)] == [1, 10]


def test_the_last_line_needs_no_line_feed_and_carriage_returns_do_no_harm(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "commands.ndjson"
    path.write_bytes(ASSIGN + b"\r\n" + line("report_progress", "T1", 2, percent=1))
    assert imported(ledger, path)[0].recorded == 2


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_an_empty_file_records_nothing(ledger: Ledger, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.ndjson"
    path.write_bytes(content)
    before = ledger.log.head()
    assert imported(ledger, path)[0] == imported(ledger, path, history=True)[0] == Summary()
    assert ledger.log.head() == before


def test_a_file_that_is_not_there_is_said_to_be_so(ledger: Ledger, tmp_path: Path) -> None:
    for take in (ledger.importer.commands, ledger.importer.history):
        with pytest.raises(BadFile, match="No such file"):
            take(tmp_path / "missing", lambda *_: None, lambda *_: None)


def test_the_same_file_again_records_nothing(ledger: Ledger, tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.ndjson", ASSIGN, line("report_progress", "T1", 2, percent=1), line("cancel_task", "T2")
    )
    first, outcomes = imported(ledger, path)
    head = ledger.log.head()
    again, repeated = imported(ledger, path.rename(tmp_path / "renamed.ndjson"))
    assert (first.recorded, first.refused, again.replayed, again.recorded, again.refused) == (2, 1, 2, 0, 1)
    assert ledger.log.head() == head
    for number in (1, 2):
        one, other = outcomes[number], repeated[number]
        assert isinstance(one, Recorded)
        assert isinstance(other, Recorded)
        assert (one.position, one.recorded_at, one.version) == (other.position, other.recorded_at, other.version)


def test_equal_lines_are_so_many_commands(ledger: Ledger, tmp_path: Path) -> None:
    """Each line has a key of its own, by its number; a line that carries a key goes by that."""
    report = line("report_progress", "T1", 2, percent=1)
    keyed = line("report_progress", "T1", 2, percent=2, idempotency_key="k")
    path = written(tmp_path / "a.ndjson", ASSIGN, report, report, keyed, keyed)
    summary, _ = imported(ledger, path)
    assert summary == Summary(lines=5, recorded=4, replayed=1)
    assert [each.event.type for each in records(ledger)][-4:] == ["task.assigned"] + ["task.progress-reported"] * 3


def test_batches_do_not_matter(new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.ndjson", *beginnings(), *random_lines(random.Random(6), ("T1", "T2"), 60))
    seen = []
    for batch in (1, 7, 500):
        monkeypatch.setattr(importing, "BATCH", batch)
        with new_database() as database, opened(database) as ledger:
            summary, outcomes = imported(ledger, path)
            answers = [str(outcome) for outcome in outcomes.values() if isinstance(outcome, LedgerError)]
            seen.append((summary, answers, [(r.event.stream, r.event.version, r.event.type) for r in records(ledger)]))
    assert seen[0] == seen[1] == seen[2]


def test_progress_is_told_in_bytes(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    path = written(tmp_path / "a.ndjson", ASSIGN, *[line("name_officer", "T1", 2, officer=f"{n}") for n in range(6)])
    told: list[tuple[int, int]] = []
    ledger.importer.commands(path, lambda *_: None, lambda *done: told.append(done))
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert told == sorted(told)


# ── history ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def empty(database: Database) -> Ledger:
    """A ledger without a record."""
    with opened(database) as made:
        yield made


def at(when: str, each: bytes) -> bytes:
    return json.dumps(json.loads(each) | {"recorded_at": when}).encode()


def old_history() -> list[bytes]:
    """Units, and a task with its life, recorded in 2024; in no order."""
    return [
        at("2024-05-01T08:00:00+07:00", line("report_progress", "T1", "2024-04-30", unit="A", percent=50)),
        at("2024-01-01T08:00:00+07:00", line("register_unit", "unit/A", "2024-01-01", unit="A", name="A")),
        at("2024-01-01T08:00:00+07:00", line("register_unit", "unit/B", "2024-01-01", unit="A", name="B")),
        at("2024-06-01T02:00:00Z", line("submit_result", "T1", "2024-05-31", unit="A", reviewer="B")),
        at("2024-02-01T08:00:00+07:00", line("assign_task", "T1", "2024-02-01", unit="A", title="t", lead="A")),
        at("2024-06-02T08:00:00+07:00", line("accept_result", "T1", None, unit="B")),
    ]


def test_history_is_recorded_in_order_of_time_after_an_event_that_names_the_file(empty: Ledger, tmp_path: Path) -> None:
    path = written(tmp_path / "old.ndjson", *old_history())
    summary, outcomes = imported(empty, path, history=True)
    assert summary == Summary(lines=6, recorded=6)
    assert list(outcomes) == [2, 3, 5, 1, 4, 6]
    first, *others = records(empty)
    assert isinstance(first.event.data, HistoryImported)
    assert empty.texts.opened([first.event.data.file.name]) == ["old.ndjson"]
    assert first.event.data.file.size == path.stat().st_size
    assert first.event.data.lines == 6
    assert (first.event.actor.unit, first.event.effective) == (None, "2024-01-01")
    start = micros("2024-01-01T08:00:00+07:00")
    assert [each.recorded_at for each in (first, *others)] == [
        start, start + 1, start + 2, *map(micros, ("2024-02-01T08:00:00+07:00", "2024-05-01T08:00:00+07:00",
        "2024-06-01T02:00:00Z", "2024-06-02T08:00:00+07:00")),
    ]  # fmt: skip
    assert {each.event.causation for each in others} == {first.event.id}
    assert others[-1].event.effective == "2024-06-02", "where it is not said, the day of recording"
    assert empty.log.head().live_from is None
    assert empty.texts.opened([file.name for file in empty.log.imports(99)]) == ["old.ndjson"]
    check_whole(empty.log)


def test_history_makes_the_same_entries_wherever_it_is_imported(new_database: NewDatabase, tmp_path: Path) -> None:
    path = written(tmp_path / "old.ndjson", *old_history())
    logs = []
    for _ in range(2):
        with new_database() as database, opened(database) as ledger:
            imported(ledger, path, history=True)
            logs.append(ledger.log.entries(0, 99))
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "truncated"),
        (line("cancel_task", "T1", unit="A"), "recorded_at"),
        (at("2024-05-01", line("cancel_task", "T1", unit="A")), "recorded_at"),
        (at("2024-05-01T00:00:00", line("cancel_task", "T1", unit="A")), "recorded_at"),
        (at("20240501T000000Z", line("cancel_task", "T1", unit="A")), "recorded_at"),
        (at("2205-05-01T00:00:00Z", line("cancel_task", "T1", unit="A")), "between 1970 and now"),
        (at("0001-01-01T00:00:00Z", line("cancel_task", "T1", unit="A")), "between 1970 and now"),
        (at("2024-05-01T00:00:00Z", line("cancel_task", "T1", unit="A", data_=1)), "data_"),
        (b"x" * (MAX_LINE_BYTES + 1), "at most"),
    ],
)
def test_a_faulty_history_file_changes_nothing(empty: Ledger, tmp_path: Path, bad: bytes, reason: str) -> None:
    before = empty.log.head()
    path = written(tmp_path / "old.ndjson", *old_history()[:3], b"", bad, *old_history()[3:])
    with pytest.raises(BadFile) as error:
        imported(empty, path, history=True)
    assert (error.value.file, error.value.line) == (str(path), 5)
    assert reason in error.value.reason
    assert empty.log.head() == before


def test_a_line_of_history_that_is_refused_harms_no_other(empty: Ledger, tmp_path: Path) -> None:
    bad = at("2024-03-01T00:00:00Z", line("report_progress", "T1", "2024-04-01", unit="A", percent=1))
    summary, outcomes = imported(empty, written(tmp_path / "old.ndjson", bad, *old_history()), history=True)
    assert summary == Summary(lines=7, recorded=6, refused=1)
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].code == "effective_in_future", "it was not yet that day when it was recorded"


def test_the_same_history_again_records_nothing_though_the_ledger_is_live(empty: Ledger, tmp_path: Path) -> None:
    path = written(tmp_path / "old.ndjson", *old_history())
    imported(empty, path, history=True)
    record(empty, line("reopen_task", "T1", 5, unit="A", cause="defect"))
    head = empty.log.head()
    assert imported(empty, path, history=True)[0] == Summary(lines=6, replayed=6)
    assert empty.log.head() == head


def test_history_is_not_taken_into_a_ledger_that_is_live(ledger: Ledger, tmp_path: Path) -> None:
    head = ledger.log.head()
    with pytest.raises(Refused) as error:
        imported(ledger, written(tmp_path / "old.ndjson", *old_history()), history=True)
    assert error.value.code == "ledger_is_live"
    assert ledger.log.head() == head


def test_an_earlier_history_is_not_taken_after_a_later_one(empty: Ledger, tmp_path: Path) -> None:
    *others, last = sorted(old_history(), key=lambda each: micros(json.loads(each)["recorded_at"]))
    imported(empty, written(tmp_path / "first.ndjson", *others), history=True)
    assert imported(empty, written(tmp_path / "second.ndjson", last), history=True)[0].recorded == 1
    head = empty.log.head()
    earlier = at("2023-01-01T00:00:00Z", line("rename_unit", "unit/A", "2023-01-01", unit="A", name="x"))
    with pytest.raises(Refused) as error:
        imported(empty, written(tmp_path / "third.ndjson", earlier), history=True)
    assert error.value.code == "history_out_of_order"
    assert empty.log.head() == head


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TASKS = ("T1", "T2", "T3", "T4")
IMPORTER = """
import sys
from pathlib import Path
from ledger.services import importing
from ledger.services.ledger import Ledger
from ledger.settings import Settings

importing.BATCH = 3
with Ledger(Settings(database_url=sys.argv[1])) as ledger:
    take = ledger.importer.history if sys.argv[3] == "history" else ledger.importer.commands
    print("begins", flush=True)
    take(Path(sys.argv[2]), lambda *_: None, lambda *_: None)
"""


def live_file(path: Path, ledger: Ledger) -> Path:
    """Commands of which none is refused: one that was, and is not when it is put again, would be recorded then."""
    lines = (*beginnings(), *random_lines(random.Random(77), TASKS, 300))
    taken = [each for each in lines if isinstance(submit(ledger, each)[0], Recorded)]
    return written(path, *taken)


def history_file(path: Path, _: Ledger) -> Path:
    """What an older system kept, of which much is refused."""
    lines = (*beginnings(), *random_lines(random.Random(78), TASKS, 150))
    minutes = (f"2025-04-01T{n // 60:02d}:{n % 60:02d}:00+07:00" for n in range(len(lines)))
    return written(path, *(at(when, each) for when, each in zip(minutes, lines, strict=True)))


@pytest.mark.parametrize(("kind", "make"), [("commands", live_file), ("history", history_file)])
def test_an_import_that_is_killed_and_run_again_loses_nothing_and_doubles_nothing(
    new_database: NewDatabase, tmp_path: Path, kind: str, make: Callable[[Path, Ledger], Path]
) -> None:
    with new_database() as database, opened(database) as ledger:
        path = make(tmp_path / "file.ndjson", ledger)
    with new_database() as database, opened(database, at="2025-05-01T00:00:00+07:00") as ledger:
        expected, _ = imported(ledger, path, history=kind == "history")
        whole = records(ledger)
        ledger.runner.catch_up()
        made = contents(ledger)
    chance = random.Random(1)
    with new_database() as database:
        # So far it is to come each time, evenly spread; a process takes a while to begin, which is no part of it.
        for n in range(kills := 2 * EFFORT):
            with opened(database) as ledger:
                stop = (n + chance.random()) * len(whole) / kills
                assert killed(
                    IMPORTER, database.app, str(path), kind,
                    after=lambda: ledger.log.head().next_position >= stop,  # noqa: B023  # called at once
                )  # fmt: skip
                assert ledger.log.head().next_position < len(whole)
                if chance.random() < 0.5:
                    ledger.runner.catch_up()
        with opened(database, at="2025-05-01T00:00:00+07:00") as ledger:
            summary, _ = imported(ledger, path, history=kind == "history")
            assert summary.replayed > 0
            assert (summary.recorded + summary.replayed, summary.refused) == (expected.recorded, expected.refused)
            again = records(ledger)
            ledger.runner.catch_up()
            if kind == "history":
                assert again == whole
                assert contents(ledger) == made
            assert [(r.event.stream, r.event.version, r.event.type, r.event.effective) for r in again] == [
                (r.event.stream, r.event.version, r.event.type, r.event.effective) for r in whole
            ]
            assert {name: len(rows) for name, rows in contents(ledger).items()} == {
                name: len(rows) for name, rows in made.items()
            }
            check_whole(ledger.log)
            check_rebuilt_alike(ledger)
