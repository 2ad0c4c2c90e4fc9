"""Texts destroyed for good: by the name of a person, or one by one; and what is left of them anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest
from tests.conftest import Database
from tests.integrity.ledgers import superuser
from tests.services.test_export import all_reports, nothing
from tests.services.test_importing import at, imported, old_history, written
from tests.support.databases import NewDatabase
from tests.support.ledgers import line, opened, record, submit
from tests.support.read_models import check_rebuilt_alike, contents
from tests.support.texts import data_of

from ledger.domain.events import TextsErased
from ledger.errors import AlreadyErased, BadQuery, NotFound
from ledger.reports.writers import WRITERS
from ledger.services import erasing, export, verification
from ledger.services.answers import Recorded
from ledger.services.erasing import Erased, Found, Grounds
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report
from ledger.services.task_views import task_state, task_timeline

NAME = "Nguyễn Văn Ân"
GROUNDS = Grounds("GDPR-17-1-b", "at the request of the person", "AUTH", "records officer")
TASK = line(
    "assign_task", "T1", 1, title="Land register", lead="U1", officer=NAME, result="A register",
    deadline={"date": "2025-03-10", "text": f"as {NAME} said"},
)  # fmt: skip


def quiet(_done: int, _total: int) -> None:
    """No progress is shown."""


def erase(ledger: Ledger, name: str = NAME, grounds: Grounds = GROUNDS) -> Erased:
    return erase_found(ledger, lambda: erasing.find_subject(ledger, name, quiet), grounds)


def erase_found(ledger: Ledger, find: Callable[[], Found], grounds: Grounds) -> Erased:
    """What is found is agreed to, and destroyed."""
    return erasing.erase(ledger, find(), find, grounds)


def clear_texts(database: Database) -> str:
    """All that the database's tables hold, as text."""
    done = []
    with psycopg.connect(database.owner) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'SELECT t::text FROM "{schema}"."{table}" AS t').fetchall()
            done += [str(row[0]) for row in rows]
        connection.execute("ANALYZE")
        done += [
            str(row) for row in connection.execute("SELECT * FROM pg_stats WHERE schemaname = 'ledger'").fetchall()
        ]
    # Entries are shown in hexadecimal.
    return "\n".join(done) + "".join(bytes.fromhex(part).decode(errors="replace") for part in _HEX.findall(str(done)))


_HEX = re.compile(r"((?:[0-9a-f]{2}){20,})")


def test_a_name_is_destroyed_wherever_it_was_given_and_stands(ledger: Ledger, database: Database) -> None:
    record(
        ledger,
        TASK,
        line("name_officer", "T1", 2, officer="Trần Thị B"),
        line("name_officer", "T1", 3, officer=NAME.upper()),
        line("report_progress", "T1", 4, percent=10, narrative=f"Asked {NAME}, who agrees", next_steps="go on"),
        line("report_progress", "T1", 5, percent=20, narrative=f"{NAME}s office is another word"),
        line("name_officer", "T1", 6, officer=f"{NAME} (deputy)"),
    )
    root = ledger.tiles.root(13)
    found = erasing.find_subject(ledger, NAME, quiet)
    assert [(target.position, target.field) for target in found.targets] == [
        (7, "data.deadline.text"), (7, "data.officer"), (9, "data.officer"), (10, "data.narrative"),
    ]  # fmt: skip
    assert [(target.position, target.text) for target in found.similar] == [(12, f"{NAME} (deputy)")]
    done = erase(ledger)
    assert (done.targets, done.events) == (found.targets, (13,))
    state = task_state(ledger.queries(), "T1", None, "2025-03-03")
    assert (state["officer"], state["deadline"]["text"], state["title"]) == ("erased", "erased", "Land register")
    said = [each["text"] for each in task_timeline(ledger.queries(), "T1", None, None)["records"]]
    assert said[2:5] == [
        "The officer in charge is erased.",
        "Progress is reported as 10 %: erased.",
        f"Progress is reported as 20 %: {NAME}s office is another word.",
    ]
    assert said[1] == "The officer in charge is Trần Thị B."
    # The log is what it was, and one event longer.
    assert ledger.tiles.root(13) == root
    (event,) = (each.event for each in ledger.log.records(13, 14))
    assert isinstance(event.data, TextsErased)
    assert event.data.legal_basis == "GDPR-17-1-b"
    assert sum(len(each.fields) for each in event.data.texts) == 4
    assert data_of(ledger, event).reason == "at the request of the person"  # type: ignore[attr-defined]  # it has one
    assert event.actor.unit == "AUTH"
    found_out = verification.verify(ledger, None, lambda *_: None, deep=True)
    assert (found_out.findings, found_out.erased) == ((), 4)
    check_rebuilt_alike(ledger)
    left = clear_texts(database)
    assert "Trần Thị B" in left, "the test looks where texts are"
    assert left.count(NAME) == 2, "in the longer word, and the longer name"
    assert NAME.upper() not in left


@pytest.mark.parametrize(
    ("written_as", "asked"),
    [("Nguye\u0302\u0303n Va\u0306n A", "Nguyễn Văn A"), ("NGUYỄN  VĂN A", "nguyễn văn a"), ("O'Brien-Ệ", "o'brien-ệ")],
)
def test_case_accents_and_blanks_make_no_difference(ledger: Ledger, written_as: str, asked: str) -> None:
    record(ledger, TASK, line("name_officer", "T1", 2, officer=written_as))
    assert [target.text for target in erase(ledger, asked).targets] == [written_as]


def test_once_more_nothing_is_found_and_nothing_recorded(ledger: Ledger) -> None:
    record(ledger, TASK)
    assert erase(ledger).events == (8,)
    assert erase(ledger) == Erased((), ())
    assert ledger.log.head().next_position == 9


def test_one_text_of_an_event_is_destroyed(ledger: Ledger) -> None:
    record(ledger, TASK)
    event = ledger.log.records(7, 8)[0].event.id
    find = partial(erasing.find_event, ledger, event, "data.title")
    erase_found(ledger, find, Grounds("court-order-7"))
    state = task_state(ledger.queries(), "T1", None, None)
    assert (state["title"], state["officer"]) == ("erased", NAME)
    assert find() == Found(())
    with pytest.raises(NotFound, match=r"data\.officer"):
        erasing.find_event(ledger, event, "data.lead")
    erase_found(ledger, partial(erasing.find_event, ledger, event, None), Grounds("court-order-7"))
    assert task_state(ledger.queries(), "T1", None, None)["officer"] == "erased"
    assert verification.verify(ledger, None, lambda *_: None).findings == ()


@pytest.mark.parametrize("event", ["x", "0195eb1d-cd00-7000-8000-000000000000"])
def test_an_event_that_is_not_there(ledger: Ledger, event: str) -> None:
    with pytest.raises((BadQuery, NotFound)):
        erasing.find_event(ledger, event, None)


@pytest.mark.parametrize(
    ("grounds", "name"),
    [(Grounds(""), NAME), (Grounds("two words"), NAME), (Grounds("a", unit="U9"), NAME), (Grounds("a"), " . ")],
)
def test_without_grounds_or_a_name_nothing_is_destroyed(ledger: Ledger, grounds: Grounds, name: str) -> None:
    record(ledger, TASK)
    with pytest.raises((BadQuery, NotFound)):
        erase(ledger, name, grounds)
    assert task_state(ledger.queries(), "T1", None, None)["officer"] == NAME


def test_more_than_one_event_holds_is_recorded_in_several(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "_EVENT_BYTES", 300)
    record(ledger, TASK, *(line("name_officer", "T1", 2, officer=NAME) for _ in range(9)))
    done = erase(ledger)
    assert len(done.events) > 2
    records = ledger.log.records(done.events[0], done.events[-1] + 1)
    assert len({each.event.stream for each in records}) == 1
    named = [
        texts.event for each in records if isinstance(each.event.data, TextsErased) for texts in each.event.data.texts
    ]
    assert len(named) == len(set(named)) == 10
    assert verification.verify(ledger, None, lambda *_: None).findings == ()


def test_a_thousand_texts_fit(ledger: Ledger) -> None:
    record(ledger, TASK, *(line("name_officer", "T1", 2, officer=NAME) for _ in range(1_500)))
    assert len(erase(ledger).events) > 1
    assert erase(ledger) == Erased((), ())


def test_what_somebody_else_erased_meanwhile_undoes_the_whole(ledger: Ledger) -> None:
    record(ledger, TASK, line("name_officer", "T1", 2, officer=NAME))
    found = erasing.find_subject(ledger, NAME, quiet)
    event = ledger.log.records(8, 9)[0].event.id
    erase_found(ledger, partial(erasing.find_event, ledger, event, None), GROUNDS)
    head = ledger.log.head()
    with pytest.raises(AlreadyErased):
        erase_found(ledger, lambda: found, GROUNDS)
    assert ledger.log.head() == head
    assert task_state(ledger.queries(), "T1", None, "2025-03-01")["officer"] == NAME
    assert erase(ledger).events == (10,)


def test_what_came_after_it_was_shown_is_left_for_another_time(ledger: Ledger) -> None:
    record(ledger, TASK)
    find = partial(erasing.find_subject, ledger, NAME, quiet)
    shown = find()
    record(ledger, line("name_officer", "T1", 2, officer=NAME))
    assert erasing.erase(ledger, shown, find, GROUNDS).targets == shown.targets
    assert [target.field for target in find().targets] == ["data.officer"]


def test_the_grounds_do_not_name_the_subject_again() -> None:
    erasing.check_unnamed("Nguyễn Văn A", Grounds("GDPR-17", reason="asked by Nguyễn Văn An"))
    for grounds in (Grounds("GDPR-17", reason="asked by NGUYỄN văn a."), Grounds("GDPR-17", subject="Nguyễn Văn A")):
        with pytest.raises(BadQuery, match="once more"):
            erasing.check_unnamed("Nguyễn Văn A", grounds)


def test_a_retry_with_the_key_of_an_erased_command_is_answered_as_the_first_time(
    ledger: Ledger, database: Database
) -> None:
    """Its fingerprint is gone: a name could be guessed from it."""
    keyed = line("name_officer", "T1", 2, officer=NAME, idempotency_key="k1")
    other = line("name_officer", "T1", 3, officer="Trần Thị B", idempotency_key="k2")
    _, first, _ = record(ledger, TASK, keyed, other)
    erase(ledger)
    with psycopg.connect(database.owner) as connection:
        rows = connection.execute("SELECT key, fingerprint IS NULL FROM ledger.idempotency ORDER BY key").fetchall()
    assert rows == [("k1", True), ("k2", False)]
    (again,) = record(ledger, keyed)
    assert (again.replayed, again.position, again.version) == (True, first.position, first.version)
    (refused,) = submit(ledger, line("name_officer", "T1", 3, officer="Trần Thị C", idempotency_key="k2"))
    assert not isinstance(refused, Recorded)


@pytest.mark.parametrize("format_", WRITERS)
def test_every_format_writes_a_report_on_it(ledger: Ledger, format_: str) -> None:
    record(ledger, TASK)
    erase_found(
        ledger, partial(erasing.find_event, ledger, ledger.log.records(7, 8)[0].event.id, "data.title"), GROUNDS
    )
    _, write = WRITERS[format_]
    asked = report(ledger.queries(), ReportRequest("overdue"))
    content = write(asked, "vi")
    if format_ in ("json", "csv"):
        assert b"erased" in content
    if format_ == "table":
        assert "đã xóa" in content.decode()
    assert b"text:" not in content


def test_a_report_and_its_replay_are_the_same_after_it(ledger: Ledger) -> None:
    record(ledger, TASK)
    ledger.keep_up(8)
    before = contents(ledger)
    erase(ledger)
    written_ = [
        WRITERS["json"][1](report(ledger.queries(), ReportRequest("silent", "2999-01-01", replay=replay)))
        for replay in (False, True)
    ]
    assert written_[0] == written_[1]
    assert b'"officer":"erased"' in written_[0]
    assert {name: rows for name, rows in contents(ledger).items() if "stands at" not in name} == {
        name: rows for name, rows in before.items() if "stands at" not in name
    }, "read models never held it"


def test_what_was_erased_stays_so_in_a_restored_ledger(
    ledger: Ledger, new_database: NewDatabase, tmp_path: Path
) -> None:
    record(ledger, TASK, line("name_officer", "T1", 2, officer="Trần Thị B"))
    erase(ledger)
    path = tmp_path / "log.ndjson"
    export.export(ledger.log, path, nothing)
    assert NAME not in path.read_text()
    with new_database() as database, opened(database) as other:
        export.restore(other, path, nothing)
        assert all_reports(other) == all_reports(ledger)
        assert verification.verify(other, None, lambda *_: None) == verification.verify(ledger, None, lambda *_: None)
        assert task_state(other.queries(), "T1", None, "2025-03-01")["officer"] == "erased"
        export.export(other.log, tmp_path / "again.ndjson", nothing)
        assert (tmp_path / "again.ndjson").read_bytes() == path.read_bytes()


def test_an_older_export_does_not_bring_it_back_together_with_the_event(
    ledger: Ledger, new_database: NewDatabase, tmp_path: Path
) -> None:
    """Lines of before with their texts, and the event that erased these behind them."""
    record(ledger, TASK)
    export.export(ledger.log, tmp_path / "old.ndjson", nothing)
    erase(ledger)
    export.export(ledger.log, tmp_path / "new.ndjson", nothing)
    mixed = tmp_path / "mixed.ndjson"
    old, new = ((tmp_path / name).read_bytes().splitlines(keepends=True) for name in ("old.ndjson", "new.ndjson"))
    mixed.write_bytes(b"".join([*old, *new[len(old) :]]))
    with new_database() as database, opened(database) as other:
        export.restore(other, mixed, nothing)
        assert task_state(other.queries(), "T1", None, None)["officer"] == "erased"
        assert verification.verify(other, None, lambda *_: None).findings == ()


def test_a_file_of_history_gives_the_same_references_everywhere_and_nobody_else_can(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    more = at(
        "2024-06-30T00:00:00Z", line("assign_task", "T9", "2024-06-01", unit="A", title="t", lead="A", officer=NAME)
    )
    found = []
    for name, last in (("one", more), ("two", more), ("other", more + b" ")):
        with new_database() as database, opened(database) as ledger:
            (tmp_path / name).mkdir()
            imported(ledger, written(tmp_path / name / "old.ndjson", *old_history(), last), history=True)
            found.append([entry for _, entry in ledger.log.entries(0, 99)])
            assert NAME.encode() not in b"".join(found[-1])
            assert erase(ledger, NAME, Grounds("GDPR-17-1-b")).events
    assert found[0] == found[1]
    assert found[2] != found[0]


def test_the_statement_that_destroys_records_the_event_with_it(ledger: Ledger, database: Database) -> None:
    """The application's role has no other way to take a text away, and none to put one there or change it."""
    record(ledger, TASK)
    with psycopg.connect(database.app, autocommit=True) as connection:
        for statement in (
            "DELETE FROM ledger.text",
            "TRUNCATE ledger.text",
            "UPDATE ledger.text SET openings = '{}'",
            "INSERT INTO ledger.text (event, position, openings) VALUES (gen_random_uuid(), 1, '{}')",
            "UPDATE ledger.idempotency SET fingerprint = NULL",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        head = ledger.log.head()
        for event in (b'{"type":"texts.erased","data":{"texts":[]}}', b'{"type":"x","data":{"texts":[{}]}}'):
            with pytest.raises(psycopg.DatabaseError) as caught:
                connection.execute("SELECT ledger.erase('erasure/x', %s, '{}', '{}')", ([event],))
            assert caught.value.sqlstate == "LG007"
        assert ledger.log.head() == head
    with psycopg.connect(database.owner, autocommit=True) as connection:
        for statement in (
            "DELETE FROM ledger.text",
            "TRUNCATE ledger.text",
            """UPDATE ledger.text SET openings = openings || '{"data.title": ["", "x"]}'""",
            "UPDATE ledger.text SET position = position + 1",
        ):
            with pytest.raises(psycopg.DatabaseError, match="append-only"):
                connection.execute(statement)


def test_an_altered_text_is_shown_to_nobody(ledger: Ledger, database: Database) -> None:
    record(ledger, TASK, line("report_progress", "T1", 2, percent=1, narrative="as planned"))
    with superuser(database) as owner:
        owner.execute("UPDATE ledger.text SET openings = jsonb_set(openings, '{data.narrative,1}', '\"fine\"')")
    records = task_timeline(ledger.queries(), "T1", None, None)["records"]
    assert records[1]["text"] == "Progress is reported as 1 %: altered."


def test_the_name_is_nowhere_in_what_the_event_says(ledger: Ledger) -> None:
    record(ledger, TASK)
    (position,) = erase(ledger).events
    entry = ledger.log.entries(position, position + 1)[0][1]
    assert NAME.encode() not in entry
    assert b"records officer" not in entry


def test_the_command_shows_asks_and_answers(ledger: Ledger, database: Database, tmp_path: Path) -> None:
    record(ledger, TASK)
    run = partial(_run, database, tmp_path)
    shown = run("--subject", NAME, "--legal-basis", "GDPR-17", "--dry-run")
    assert "data.officer" in shown.stdout
    assert "nothing was" in shown.stdout
    assert run("--subject", NAME, "--legal-basis", "GDPR-17", answer="n\n").returncode == 1
    assert ledger.log.head().next_position == 8
    done = run("--subject", NAME, "--legal-basis", "GDPR-17", "--unit", "AUTH", "--yes", "--json")
    assert '"events":[8]' in done.stdout
    assert NAME not in done.stdout
    again = run("--subject", NAME, "--legal-basis", "GDPR-17", "--yes")
    assert "nothing was destroyed" in again.stdout
    assert run("--legal-basis", "GDPR-17").returncode == 2
    assert run("--subject", NAME, "--event", "x", "--legal-basis", "GDPR-17").returncode == 2
    assert run("--subject", NAME, "--legal-basis", "two words", "--yes").returncode == 2


def _run(database: Database, folder: Path, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ledger.cli import main; main()", "erase", *arguments],
        env={**os.environ, "LEDGER_DATABASE_URL": database.app, "HOME": str(folder), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        input=answer,
    )
