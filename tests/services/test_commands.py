"""Commands as clients put them: decided in order, recorded together, answered one by one."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from anyio import CapacityLimiter
from msgspec.structs import replace
from tests.conftest import Database
from tests.store.test_append import check_whole
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.ledgers import beginnings, line, micros, opened, record, submit
from tests.support.texts import data_of

from ledger.domain import task as tasks
from ledger.domain.events import Record
from ledger.errors import LedgerError, Refused, SettingsError, VersionConflict
from ledger.merkle.hashing import leaf_hash
from ledger.services import commands
from ledger.services.answers import Recorded
from ledger.services.command_line import parse_line
from ledger.services.commands import CommandHandler, Outcome
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger
from ledger.store.append import Append, IdempotencyKey
from ledger.store.loop_commit import LoopCommit
from ledger.store.standing import Standing

ASSIGN = line("assign_task", "T1", 1, title="A promise", lead="U1", deadline={"date": "2025-03-20"})


def stream(ledger: Ledger, name: str) -> list[Record]:
    return ledger.log.stream_records({name: 0}, 2**62)[name]


def types(ledger: Ledger, name: str) -> list[str]:
    return [record.event.type.partition(".")[2] for record in stream(ledger, name)]


def refused(outcome: Outcome) -> tuple[str, str | None]:
    assert isinstance(outcome, Refused), outcome
    return outcome.code, outcome.field


def recorded(outcome: Outcome) -> Recorded:
    assert isinstance(outcome, Recorded), outcome
    return outcome


@pytest.fixture(params=["thread", "task"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that come alone are handled for a thread, or for a task of an event loop."""
    handle = CommandHandler.handle

    def by_task(self: CommandHandler, submissions: Sequence[Submission]) -> list[Outcome]:
        async def handled(submission: Submission) -> list[Outcome]:
            committer = LoopCommit(self._log.database, 1)
            try:
                return [await self.handled(submission, committer, CapacityLimiter(1))]
            finally:
                await committer.close()

        return asyncio.run(handled(*submissions)) if len(submissions) == 1 else handle(self, submissions)

    if request.param == "task":
        monkeypatch.setattr(CommandHandler, "handle", by_task)


# ── one line, and a batch ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_becomes_an_event_with_all_that_it_said(ledger: Ledger) -> None:
    position = ledger.log.head().next_position
    asked = line("assign_task", "T1", 8, unit="REV", title="A promise", lead="U1", correlation="meeting 7")
    (outcome,) = ledger.commands.handle([Submission(*parse_line(asked), subject="clerk")])
    (kept,) = stream(ledger, "task/T1")
    leaf = leaf_hash(ledger.log.entries(position, position + 1)[0][1]).hex()
    assert outcome == Recorded("task/T1", 1, position, kept.recorded_at, leaf, (), replayed=False)
    event = kept.event
    assert (kept.position, event.version, event.v, event.type) == (position, 1, 1, "task.assigned")
    assert (event.actor.unit, event.correlation, event.causation) == ("REV", "meeting 7", None)
    assert ledger.texts.opened([event.actor.subject]) == ["clerk"]
    assert data_of(ledger, event).title == "A promise"  # type: ignore[attr-defined]  # it is an assignment
    assert event.effective == "2025-03-08"
    assert event.id[14] == "7"


def test_later_lines_of_a_batch_see_what_earlier_ones_do(ledger: Ledger) -> None:
    outcomes = submit(
        ledger,
        line("register_unit", "unit/NEW", 1, name="A new unit"),
        line("adopt_plan", "plan/P2", 1, title="A new plan", items=[{"code": "X", "title": "x"}]),
        line("assign_task", "T2", 2, title="t", lead="NEW", plan_items=[{"plan": "P2", "item": "X"}]),
        line("report_progress", "T2", 3, unit="NEW", percent=10),
        line("submit_result", "T2", 4, reviewer="NEW"),
        line("accept_result", "T2", 5, unit="NEW"),
        line("report_progress", "T2", 6, percent=20),
        line("reopen_task", "T2", 7, cause="defect"),
        line("report_progress", "T2", 8, percent=30),
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Recorded"] * 6 + ["Refused"] + ["Recorded"] * 2
    assert [recorded(outcomes[n]).version for n in (2, 3, 4, 5, 7, 8)] == [1, 2, 3, 4, 5, 6]
    positions = [outcome.position for outcome in outcomes if isinstance(outcome, Recorded)]
    assert positions == list(range(positions[0], positions[0] + 8))


def test_one_line_that_is_refused_harms_no_other(ledger: Ledger) -> None:
    outcomes = submit(
        ledger,
        line("report_progress", "T1", 2, percent=5),
        ASSIGN,
        ASSIGN,
        line("report_progress", "T1", 2, percent=101),
        line("report_progress", "T1", 2, percent=7, unit="NOBODY"),
        line("report_progress", "T1", 2, percent=8, recorded_at="2025-01-01T00:00:00Z"),
        line("report_progress", "T1", "2025-13-01", percent=9),
        line("report_progress", "T1", "2025-04-01", percent=9),
        line("report_progress", "T1", 2, percent=10, expected_version=7),
        line("report_progress", "T1", 2, percent=11),
    )
    assert [refused(outcomes[n]) for n in (0, 2, 3, 4, 5, 6, 7)] == [
        ("unknown_task", "task"),
        ("task_exists", "task"),
        ("percent_out_of_range", "data.percent"),
        ("unknown_unit", "acting_unit"),
        ("recorded_at_given", "recorded_at"),
        ("bad_time", "effective_at"),
        ("effective_in_future", "effective_at"),
    ]
    assert isinstance(outcomes[8], VersionConflict)
    assert (recorded(outcomes[1]).version, recorded(outcomes[9]).version) == (1, 2)
    assert types(ledger, "task/T1") == ["assigned", "progress-reported"]


def test_nothing_becomes_of_nothing(ledger: Ledger) -> None:
    before = ledger.log.head()
    assert submit(ledger) == []
    assert [refused(o)[0] for o in submit(ledger, *(line("cancel_task", "T1") for _ in range(3)))] == [
        "unknown_task"
    ] * 3
    assert ledger.log.head() == before


@pytest.mark.parametrize(
    "odd",
    [
        {"percent": 1e300},
        b'{"percent":1e400}',
        b'{"percent":1e40000000}',
        b'{"percent":-1e-400}',
        b'{"percent":33.333}',
    ],
)
def test_an_odd_number_harms_no_other_line(ledger: Ledger, odd: dict[str, float] | bytes) -> None:
    data = odd if isinstance(odd, bytes) else json.dumps(odd).encode()
    bad = b'{"command":"report_progress","task":"T1","acting_unit":"U1","idempotency_key":"k","data":%b}' % data
    first, outcome, last = submit(ledger, ASSIGN, bad, line("name_officer", "T1", 3, officer="x"))
    assert refused(outcome) == ("percent_out_of_range", "data.percent")
    assert (recorded(first).version, recorded(last).version) == (1, 2)


@pytest.mark.parametrize(
    "day",
    [
        "0001-01-01",
        "9999-12-31",
        "0001-01-01T00:00:00-12:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_nor_does_a_day_at_the_end_of_the_calendar(ledger: Ledger, day: str) -> None:
    outcome, last = submit(ledger, line("assign_task", "T9", day, title="t", lead="U1"), ASSIGN)
    assert refused(outcome)[1] == "effective_at"
    assert recorded(last).version == 1


# ── instants ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2025-03-08", "2025-03-08"),
        ("2025-03-08T10:00:00+07:00", "2025-03-08T10:00:00+07:00"),
        ("2025-03-08T10:00:00Z", "2025-03-08T17:00:00+07:00"),
        ("2025-03-08T17:00:00Z", "2025-03-09T00:00:00+07:00"),
        ("2025-03-08T16:59:59.999999z", "2025-03-08T23:59:59.999999+07:00"),
        ("2025-03-08 10:00:00-05:00", "2025-03-08T22:00:00+07:00"),
        (None, "2025-03-31"),
    ],
)
def test_an_instant_is_kept_with_the_ledgers_own_offset(ledger: Ledger, given: str | None, kept: str) -> None:
    record(ledger, line("assign_task", "T1", given, title="t", lead="U1"))
    (event,) = (each.event for each in stream(ledger, "task/T1"))
    assert event.effective == kept
    assert event.day.isoformat() == kept[:10]


def test_a_ledger_is_not_begun_with_a_country_whose_days_off_are_unknown(database: Database) -> None:
    with pytest.raises(SettingsError, match=r"LEDGER_CALENDAR.*XX"), opened(database, calendar="XX") as ledger:
        ledger.locale  # noqa: B018  # read when it is first asked for


def test_the_offset_is_that_of_the_day_where_clocks_are_moved(database: Database) -> None:
    with opened(database, time_zone="Europe/Amsterdam") as ledger:
        record(ledger, line("register_unit", "unit/U", "2025-01-01", unit="U", name="u"))
        for n, (given, _) in enumerate(WINTER_AND_SUMMER):
            record(ledger, line("assign_task", f"T{n}", given, unit="U", title="t", lead="U"))
        assert [stream(ledger, f"task/T{n}")[0].event.effective for n in range(3)] == [k for _, k in WINTER_AND_SUMMER]


WINTER_AND_SUMMER = (
    ("2025-03-29T23:30:00Z", "2025-03-30T00:30:00+01:00"),
    ("2025-03-30T00:59:59Z", "2025-03-30T01:59:59+01:00"),
    ("2025-03-30T01:00:00Z", "2025-03-30T03:00:00+02:00"),
)


def test_today_is_the_local_day_of_recording(database: Database) -> None:
    with opened(database, at="2025-03-31T23:30:00+07:00") as ledger:
        record(ledger, *beginnings())
        assert refused(submit(ledger, line("assign_task", "T1", "2025-04-01", title="t", lead="U1"))[0])
        ledger.clock.now = micros("2025-04-01T00:00:00+07:00")  # type: ignore[attr-defined]  # it stands
        record(ledger, line("assign_task", "T1", "2025-04-01", title="t", lead="U1"))


# ── versions and keys ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("way")
def test_an_expected_version_is_held_to(ledger: Ledger) -> None:
    record(ledger, ASSIGN, line("report_progress", "T1", 2, percent=1, expected_version=1))
    for wrong in (0, 1, 3):
        (outcome,) = submit(ledger, line("report_progress", "T1", 2, percent=2, expected_version=wrong))
        assert isinstance(outcome, VersionConflict)
        assert (outcome.stream, outcome.expected, outcome.actual) == ("task/T1", wrong, 2)
    (new,) = submit(ledger, line("assign_task", "T2", 1, title="t", lead="U1", expected_version=3))
    assert isinstance(new, VersionConflict)
    assert (new.expected, new.actual) == (3, 0)
    record(ledger, line("assign_task", "T2", 1, title="t", lead="U1", expected_version=0))


KEYED = line("assign_task", "T1", 1, title="A promise", lead="U1", idempotency_key="k")


@pytest.mark.usefixtures("way")
def test_a_key_sent_again_gets_the_first_answer_word_for_word(ledger: Ledger) -> None:
    (first,) = record(ledger, KEYED)
    record(ledger, line("name_officer", "T1", 2, officer="x"))
    assert submit(ledger, KEYED, KEYED) == [replace(first, replayed=True)] * 2
    assert types(ledger, "task/T1") == ["assigned", "officer-named"]


@pytest.mark.usefixtures("way")
def test_the_warnings_of_the_first_answer_are_given_again(ledger: Ledger) -> None:
    accept = line("accept_result", "T1", 3, idempotency_key="a")
    (*_, first) = record(ledger, ASSIGN, line("submit_result", "T1", "2025-02-01", reviewer="REV"), accept)
    assert first.warnings == ("ends_before_start",)
    record(ledger, line("reopen_task", "T1", 4, cause="defect"))
    assert submit(ledger, accept) == [replace(first, replayed=True)]


@pytest.mark.usefixtures("way")
def test_a_key_with_another_command_is_refused(ledger: Ledger) -> None:
    record(ledger, KEYED)
    for other in (
        line("assign_task", "T1", 1, title="Another", lead="U1", idempotency_key="k"),
        line("assign_task", "T2", 1, title="A promise", lead="U1", idempotency_key="k"),
        line("assign_task", "T1", 2, title="A promise", lead="U1", idempotency_key="k"),
        line("assign_task", "T1", 1, title="A promise", lead="U1", idempotency_key="k", expected_version=0),
        line("cancel_task", "T1", 1, idempotency_key="k"),
    ):
        assert [refused(outcome) for outcome in submit(ledger, other)] == [("key_reused", "idempotency_key")]
    (own,) = submit(ledger, line("assign_task", "T3", 1, unit="U1", title="t", lead="U1", idempotency_key="k"))
    assert isinstance(own, Recorded), "keys are each unit's own"


def test_a_key_twice_in_one_batch_is_recorded_once(ledger: Ledger) -> None:
    other = line("name_officer", "T1", 2, officer="x", idempotency_key="k")
    first, officer, again, wrong = submit(ledger, KEYED, line("name_officer", "T1", 2, officer="y"), KEYED, other)
    assert (recorded(first).version, recorded(officer).version) == (1, 2)
    assert again == replace(recorded(first), replayed=True)
    assert refused(wrong) == ("key_reused", "idempotency_key")
    assert submit(ledger, KEYED) == [again]
    assert types(ledger, "task/T1") == ["assigned", "officer-named"]


@pytest.mark.usefixtures("way")
def test_a_key_of_a_refused_line_is_not_used_up(ledger: Ledger) -> None:
    officer = line("name_officer", "T1", 2, officer="x", idempotency_key="o")
    first, again = submit(ledger, officer, officer)
    assert refused(first) == refused(again) == ("unknown_task", "task")
    record(ledger, ASSIGN, officer)


@pytest.mark.parametrize("field", ["idempotency_key", "correlation"])
def test_a_text_beside_the_data_holds_no_nul(field: str) -> None:
    with pytest.raises(Refused) as error:
        parse_line(line("name_officer", "T1", 2, officer="x", **{field: "a\x00b"}))
    assert error.value.field == field


# ── other writers ────────────────────────────────────────────────────────────────────────────────────────────────────


def between(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], times: int = 1) -> None:
    """Another writer acts between this one's decision and its append, so many times."""
    take, append = ledger.committer.take, LoopCommit.append
    left = [act] * times

    def late(request: object) -> list[commands.Answer]:
        if left:
            left.pop()()
        return take(request)

    async def late_in_loop(self: LoopCommit, asked: Append) -> commands.Answer:
        if left and self._database is ledger.database:
            await asyncio.to_thread(left.pop())  # which may have an event loop of its own
        return await append(self, asked)

    monkeypatch.setattr(ledger.committer, "take", late)
    monkeypatch.setattr(LoopCommit, "append", late_in_loop)


@pytest.fixture
def other(database: Database, ledger: Ledger) -> Ledger:
    """The same ledger in another process, which keeps tasks at hand itself."""
    with opened(database) as second:
        assert second.log.head() == ledger.log.head()
        yield second


def check_at_hand(ledger: Ledger, *codes: str) -> None:
    """What the handler has at hand is what the log says."""
    versions = ledger.log.stream_versions(f"task/{code}" for code in codes)
    for code, held in ledger.commands._repository.get_many(codes, versions).items():
        events = [each.event for each in stream(ledger, f"task/{code}")]
        assert held == tasks.fold(code, events)
        assert [event.version for event in events] == list(range(1, len(events) + 1))


@pytest.mark.usefixtures("way")
def test_what_another_writer_did_before_is_seen(ledger: Ledger, other: Ledger) -> None:
    record(ledger, ASSIGN)
    record(other, line("submit_result", "T1", 2, reviewer="REV"), line("register_unit", "unit/NEW", 2, name="n"))
    record(ledger, line("accept_result", "T1", 3), line("assign_task", "T2", 3, title="t", lead="NEW"))
    assert refused(submit(other, line("cancel_task", "T1", 4))[0]) == ("task_closed", "task")
    check_at_hand(ledger, "T1", "T2")
    check_at_hand(other, "T1")


def unread(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """What is asked, from now on, about where the log stands."""
    of, asked = ledger.stand.of, []

    def noted(streams: Sequence[str], keys: Sequence[IdempotencyKey]) -> Standing:
        asked.append((streams, keys))
        return of(streams, keys)

    monkeypatch.setattr(ledger.stand, "of", noted)
    return asked


@pytest.mark.usefixtures("way")
def test_a_line_that_comes_alone_waits_for_its_append_only(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger, ASSIGN)
    asked = unread(ledger, monkeypatch)
    (first,) = record(ledger, line("report_progress", "T1", 2, percent=1, idempotency_key="p"))
    record(ledger, line("assign_task", "T2", 1, title="new", lead="U1"))
    assert submit(ledger, line("report_progress", "T1", 2, percent=1, idempotency_key="p")) == [
        replace(first, replayed=True)
    ]
    (other,) = submit(ledger, line("report_progress", "T1", 2, percent=2, idempotency_key="p"))
    assert refused(other) == ("key_reused", "idempotency_key")
    assert not asked
    check_at_hand(ledger, "T1", "T2")


@pytest.mark.usefixtures("way")
def test_but_a_refusal_rests_on_what_the_log_holds(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At hand the task is still closed, unknown, or without the key's first answer."""
    cancel = line("cancel_task", "T1", 2, idempotency_key="c")
    record(ledger, ASSIGN)
    (first,) = record(ledger, cancel)
    record(other, line("reopen_task", "T1", 3, cause="defect"), line("assign_task", "T3", 1, title="t", lead="U1"))
    asked = unread(ledger, monkeypatch)
    record(ledger, line("submit_result", "T1", 4, reviewer="REV"))
    record(ledger, line("report_progress", "T3", 4, percent=1))
    assert len(asked) == 2
    record(ledger, line("accept_result", "T1", 5))
    assert submit(ledger, cancel) == [replace(first, replayed=True)]
    assert refused(submit(ledger, line("cancel_task", "T1", 6))[0]) == ("task_closed", "task")
    check_at_hand(ledger, "T1", "T3")


@pytest.mark.usefixtures("way")
def test_nor_is_anything_recorded_on_an_outdated_directory(ledger: Ledger, other: Ledger) -> None:
    """A deadline is rolled to the next day of work: one that another process has meanwhile declared to be none."""
    deadline = {"date": "2025-03-08", "roll_forward": True}  # a Saturday
    assign = [line("assign_task", f"T{n}", 1, title="t", lead="U1", deadline=deadline) for n in range(2)]
    record(ledger, assign[0])
    record(other, line("declare_day_off", "calendar/VN", 2, date="2025-03-10", name="A day off"))
    record(ledger, assign[1])
    record(other, line("declare_day_off", "calendar/VN", 2, date="2025-03-11", name="Another"))
    record(ledger, line("assign_task", "T2", 1, title="t", lead="U1", deadline=deadline, expected_version=0))
    days = [data_of(ledger, stream(ledger, f"task/T{n}")[0].event).deadline.last_day for n in range(3)]  # type: ignore[attr-defined]  # they are assignments
    assert [day.isoformat() for day in days] == ["2025-03-10", "2025-03-11", "2025-03-12"]


@pytest.mark.usefixtures("way")
def test_writers_of_one_task_take_turns(ledger: Ledger) -> None:
    """However many there are, none is told of a conflict that it could not have known of."""
    record(ledger, ASSIGN)
    with ThreadPoolExecutor(40) as threads:
        jobs = [threads.submit(submit, ledger, line("report_progress", "T1", 2, percent=n)) for n in range(40)]
        versions = [recorded(job.result(60)[0]).version for job in jobs]
    assert sorted(versions) == list(range(2, 42))
    check_at_hand(ledger, "T1")


def test_tasks_of_one_loop_wait_for_the_server_and_not_for_threads(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each on a task that is at hand; two on one task take turns, and one that sends its key again is answered."""
    assign = [line("assign_task", f"T{n}", 1, title="t", lead="U1") for n in range(20)]
    record(ledger, *assign)
    threads: list[object] = []
    run_sync = commands.run_sync

    async def noted(function: Callable[..., Outcome | None], *arguments: object, **more: object) -> Outcome | None:
        threads.append(function)
        return await run_sync(function, *arguments, **more)  # type: ignore[arg-type]  # as it was asked

    monkeypatch.setattr(commands, "run_sync", noted)

    async def all_at_once(*lines: bytes) -> list[Outcome]:
        committer = ledger.loop_commit(100)
        try:
            submissions = [Submission(*parse_line(each)) for each in lines]
            jobs = [ledger.commands.handled(each, committer, CapacityLimiter(4)) for each in submissions]
            return await asyncio.gather(*jobs)
        finally:
            await committer.close()

    reports = [line("report_progress", f"T{n}", 2, percent=n, idempotency_key=f"k{n}") for n in range(20)]
    first = [recorded(outcome) for outcome in asyncio.run(all_at_once(*reports))]
    assert [each.version for each in first] == [2] * 20
    assert threads == []
    again = asyncio.run(all_at_once(*reports, line("cancel_task", "T1", 3), line("cancel_task", "T1", 3)))
    assert again[:20] == [replace(each, replayed=True) for each in first]
    assert recorded(again[20]).version == 3
    assert refused(again[21]) == ("task_closed", "task")
    assert len(threads) == 21  # twenty that were there before, and the refusal
    check_at_hand(ledger, *(f"T{n}" for n in range(20)))


PLAN_AND_TASK = (
    line("adopt_plan", "plan/P9", "2025-01-01", title="Mine", items=[{"code": "A1", "title": "x"}]),
    line("assign_task", "T9", 1, title="t", lead="U1", plan_items=[{"plan": "P9", "item": "A1"}]),
)


def test_no_line_is_recorded_without_those_of_the_directory_before_it(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan that the task cites was adopted by another writer, with other items."""
    theirs = line("adopt_plan", "plan/P9", "2025-01-01", title="Theirs", items=[{"code": "B1", "title": "y"}])
    between(ledger, monkeypatch, lambda: record(other, theirs))
    adopted, assigned, free = submit(ledger, *PLAN_AND_TASK, line("assign_task", "T8", 1, title="t", lead="U1"))
    assert refused(adopted) == ("plan_exists", "plan")
    assert refused(assigned) == ("unknown_item", "data.plan_items[0].item")
    assert recorded(free).version == 1
    assert stream(ledger, "task/T9") == []


def test_lines_that_rest_on_the_directory_stand_behind_it(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the directory has grown between deciding and recording."""
    between(ledger, monkeypatch, lambda: record(other, line("register_unit", "unit/NEW", 2, name="n")))
    outcomes = submit(
        ledger,
        line("register_unit", "unit/X", 2, name="X"),
        line("assign_task", "T9", 6, title="t", lead="X"),
        line("register_unit", "unit/Y", 2, name="Y", parent="X"),
    )
    positions = [recorded(outcome).position for outcome in outcomes]
    assert positions == sorted(positions)


def test_nor_is_a_line_refused_because_of_one_that_was_not_recorded(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger, ASSIGN)
    between(ledger, monkeypatch, lambda: record(other, line("report_progress", "T1", 2, percent=5)))
    first, second, elsewhere = submit(
        ledger,
        line("cancel_task", "T1", 3, reason="r", expected_version=1),
        line("cancel_task", "T1", 3, reason="another"),
        line("assign_task", "T2", 1, title="t", lead="U1"),
    )
    assert isinstance(first, VersionConflict)
    assert (recorded(second).version, recorded(elsewhere).version) == (3, 1)
    check_at_hand(ledger, "T1", "T2")


def test_a_line_that_is_refused_by_one_before_it_stays_so(ledger: Ledger) -> None:
    record(ledger, ASSIGN)
    cancel = line("cancel_task", "T1", 3)
    done, again, elsewhere = submit(ledger, cancel, cancel, line("assign_task", "T2", 1, title="t", lead="U1"))
    assert (recorded(done).version, recorded(elsewhere).version) == (2, 1)
    assert refused(again) == ("task_closed", "task")


@pytest.mark.usefixtures("way")
def test_what_another_writer_got_in_between_is_decided_anew(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger, ASSIGN)
    between(ledger, monkeypatch, lambda: record(other, line("name_officer", "T1", 2, officer="x")))
    outcome, untouched = submit(
        ledger, line("report_progress", "T1", 2, percent=1), line("assign_task", "T2", 1, title="t", lead="U1")
    )
    assert (recorded(outcome).version, recorded(untouched).version) == (3, 1)
    assert types(ledger, "task/T1") == ["assigned", "officer-named", "progress-reported"]
    check_at_hand(ledger, "T1", "T2")


@pytest.mark.usefixtures("way")
def test_it_may_then_be_refused(ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger, ASSIGN)
    between(ledger, monkeypatch, lambda: record(other, line("cancel_task", "T1", 2)))
    assert refused(submit(ledger, line("report_progress", "T1", 3, percent=1))[0]) == ("task_closed", "task")
    between(ledger, monkeypatch, lambda: record(other, line("assign_task", "T2", 2, title="other", lead="U1")))
    assert refused(submit(ledger, line("assign_task", "T2", 3, title="own", lead="U1"))[0]) == ("task_exists", "task")
    check_at_hand(ledger, "T1", "T2")


@pytest.mark.usefixtures("way")
def test_or_answered_as_a_conflict_when_the_line_says_what_it_expects(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger, ASSIGN)
    between(ledger, monkeypatch, lambda: record(other, line("name_officer", "T1", 2, officer="x")))
    (outcome,) = submit(ledger, line("report_progress", "T1", 2, percent=1, expected_version=1))
    assert isinstance(outcome, VersionConflict)
    assert (outcome.expected, outcome.actual) == (1, 2)


@pytest.mark.usefixtures("way")
def test_or_given_up_after_many_times(ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger, ASSIGN)
    between(ledger, monkeypatch, lambda: record(other, line("name_officer", "T1", 2, officer="x")), times=99)
    (outcome,) = submit(ledger, line("report_progress", "T1", 2, percent=1))
    assert isinstance(outcome, VersionConflict)
    assert outcome.actual == 1 + commands.MAX_ROUNDS


BLOCKER = (
    line("raise_blocker", "T1", 2, blocker="b1", owner="EXT", category="procedure"),
    line("confirm_blocker", "T1", 3, blocker="b1"),
    line("resolve_blocker", "T1", 4, blocker="b1"),
)


@pytest.mark.parametrize("meanwhile", [1, 2, 3])
def test_a_line_that_rests_on_one_before_it_is_not_recorded_without_it(
    ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch, meanwhile: int
) -> None:
    """Another writer's records may lie where the first line's would: the versions then fit, and nothing else."""
    record(ledger, ASSIGN)
    officers = [line("name_officer", "T1", 2, officer=f"{n}") for n in range(meanwhile)]
    between(ledger, monkeypatch, lambda: record(other, *officers))
    assert [recorded(outcome).version for outcome in submit(ledger, *BLOCKER)] == [meanwhile + n for n in (2, 3, 4)]
    assert types(ledger, "task/T1") == [
        "assigned", *["officer-named"] * meanwhile, "blocker-raised", "blocker-confirmed", "blocker-resolved",
    ]  # fmt: skip
    check_at_hand(ledger, "T1")


def test_nor_when_that_one_is_refused_after_all(ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    record(ledger, ASSIGN)
    raised = line("raise_blocker", "T1", 2, blocker="b1", owner="U2", category="funds")
    between(ledger, monkeypatch, lambda: record(other, raised))
    first, *others = submit(ledger, *BLOCKER)
    assert refused(first) == ("blocker_exists", "data.blocker")
    assert [recorded(outcome).version for outcome in others] == [3, 4]
    check_at_hand(ledger, "T1")


def test_nor_when_its_key_was_used_meanwhile(ledger: Ledger, other: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batch sent twice at once: what is at hand afterwards is what the log holds, to the event's id."""
    record(ledger, ASSIGN)
    first = line("raise_blocker", "T1", 2, blocker="b1", owner="EXT", category="funds", idempotency_key="r")
    between(ledger, monkeypatch, lambda: record(other, first))
    raised, resolved = submit(ledger, first, BLOCKER[2])
    assert (recorded(raised).replayed, recorded(raised).version, recorded(resolved).version) == (True, 2, 3)
    check_at_hand(ledger, "T1")


def test_many_writers_with_batches_on_the_same_tasks(database: Database, ledger: Ledger) -> None:
    """Every answer is true, every log a history that the domain allows, and everything at hand is what the log says."""
    codes = ("T1", "T2", "T3")
    record(ledger, *(line("assign_task", code, 1, title="t", lead="U1") for code in codes))
    with opened(database) as second, ThreadPoolExecutor(6) as threads:
        jobs = [threads.submit(write, (ledger, second)[n % 2], codes, n) for n in range(6)]
        answers = [each for job in jobs for each in job.result()]
        check_at_hand(ledger, *codes)
        check_at_hand(second, *codes)
    rows = check_whole(ledger.log)
    positions = [answer.position for answer in answers]
    assert len(set(positions)) == len(positions)
    assert set(positions) == {row[0] for row in rows if b'"subject":"text:' in row[5]}
    for code in codes:
        check_allowed(ledger, code)


def write(ledger: Ledger, codes: Sequence[str], who: int) -> list[Recorded]:
    chance = random.Random(who)
    lines = [each for each in random_lines(chance, codes, 60 * EFFORT) if b'"assign_task"' not in each]
    found: list[Recorded] = []
    while lines:
        batch, lines = lines[:5], lines[5:]
        submissions = [Submission(*parse_line(each), subject=f"w{who}") for each in batch]
        found += (each for each in ledger.commands.handle(submissions) if isinstance(each, Recorded))
    return found


def check_allowed(ledger: Ledger, code: str) -> None:
    """Each record counted for something when it was recorded: none was decided on a history that never was."""
    task = None
    for each in stream(ledger, f"task/{code}"):
        task = tasks.evolve(task, each.event, code)
        for event, before, after in tasks.walk(task):
            assert event.version != task.version or after is not before, each


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("", "malformed_json", None),
        ("{", "malformed_json", None),
        ("null", "invalid_command", None),
        ("[]", "invalid_command", None),
        ('{"command":"cancel_task"}', "invalid_command", None),
        ('{"command":"cancel_task","acting_unit":"U1"}', "which_aggregate", "task"),
        ('{"command":"cancel_task","acting_unit":"U1","unit":"U1"}', "which_aggregate", "task"),
        ('{"command":"cancel_task","acting_unit":"U1","task":"T1","unit":"U1"}', "which_aggregate", "task"),
        ('{"command":"rename_unit","acting_unit":"U1","task":"T1","data":{"name":"x"}}', "which_aggregate", "unit"),
        ('{"command":"do","acting_unit":"U1","task":"T1"}', "unknown_command", "command"),
        ('{"command":"cancel_task","acting_unit":"U1","task":"T1","data":{"raeson":"x"}}', "invalid_command", "data"),
        ('{"command":"cancel_task","acting_unit":"U1","task":"T1","dta":{}}', "invalid_command", None),
        ('{"command":"cancel_task","acting_unit":"U1","task":""}', "invalid_command", "task"),
        ('{"command":"cancel_task","acting_unit":" U1","task":"T1"}', "invalid_command", "acting_unit"),
        ('{"command":"cancel_task","acting_unit":"U1","task":"T\\n"}', "invalid_command", "task"),
        (
            '{"command":"name_officer","acting_unit":"U1","task":"T1","data":{"officer":7}}',
            "invalid_command",
            "data.officer",
        ),
        (
            '{"command":"rebaseline_task","acting_unit":"U1","task":"T1","data":{"new_deadline":{"date":"31/12/2025"}}}',
            "invalid_command",
            "data.new_deadline.date",
        ),
        (
            '{"command":"cancel_task","acting_unit":"U1","task":"T1","expected_version":-1}',
            "invalid_command",
            "expected_version",
        ),
        (
            '{"command":"cancel_task","acting_unit":"U1","task":"T1","expected_version":3e9}',
            "invalid_command",
            "expected_version",
        ),
        (
            '{"command":"cancel_task","acting_unit":"U1","task":"T1","idempotency_key":""}',
            "invalid_command",
            "idempotency_key",
        ),
        (
            '{"command":"cancel_task","acting_unit":"U1","task":"T1","data":{"reason":"\\ud800"}}',
            "malformed_json",
            None,
        ),
    ],
)
def test_a_line_that_is_no_command_is_refused_with_its_field(text: str, code: str, field: str | None) -> None:
    with pytest.raises(Refused) as error:
        parse_line(text.encode())
    assert (error.value.code, error.value.field) == (code, field)


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b'{"command":"\xff"}', b"[" * 100_000, b'{"data":' * 100_000, b"x" * 1_000_001]
)
def test_nor_is_anything_else_more_than_refused(raw: bytes) -> None:
    with pytest.raises(Refused):
        parse_line(raw)


def test_a_record_that_is_too_large_is_refused_and_says_by_how_much(ledger: Ledger) -> None:
    evidence = [{"name": "x", "media_type": "ộ" * 490, "size": 1, "sha256": "0" * 64} for _ in range(45)]
    outcome, last = submit(ledger, line("submit_result", "T1", 2, reviewer="REV", evidence=evidence), ASSIGN)
    assert isinstance(outcome, LedgerError)
    record(ledger, line("name_officer", "T1", 2, officer="x"))
    (outcome,) = submit(ledger, line("submit_result", "T1", 2, reviewer="REV", evidence=evidence))
    assert refused(outcome) == ("entry_too_large", "data")
    assert recorded(last).version == 1
