"""The runner: every build in step with the log, exactly once, whoever runs and whenever he is killed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from tests.conftest import Database
from tests.store.test_entry import officer
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.killing import killed
from tests.support.ledgers import beginnings, line, opened, record, submit
from tests.support.read_models import Contents, begin_anew, build_of, check_rebuilt_alike, contents
from tests.support.texts import committed

from ledger.domain.events import Record
from ledger.errors import DatabaseUnavailable, EntryError, NotFound
from ledger.projections import builds, runner
from ledger.projections.base import Changes, Projection, Step, events_of
from ledger.projections.follower import Follower
from ledger.projections.plan_state import PlanState, PlanStateRuns
from ledger.projections.runner import Runner
from ledger.projections.streams import StreamCache, StreamState
from ledger.projections.timeline import Timeline
from ledger.services import read_models
from ledger.services.ledger import Ledger
from ledger.store.append import Append
from ledger.store.entry import encode_event

TASKS = [f"T{n}" for n in range(12)]


@pytest.fixture
def database(database: Database) -> Database:
    """With a history in its log, and nothing in its read models."""
    with opened(database) as ledger:
        record(ledger, *beginnings())
        submit(ledger, *random_lines(random.Random(11), TASKS, 250))
    return database


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """A ledger whose read models have not followed yet."""
    with opened(database) as made:
        yield made


@pytest.fixture
def expected(ledger: Ledger) -> Contents:
    """What one runner makes of the log in one go."""
    head = ledger.log.head().next_position
    assert ledger.runner.catch_up() == head
    made = contents(ledger)
    assert {rows[0] for name, rows in made.items() if name.endswith("stands at")} == {(head,)}
    begin_anew(ledger)
    assert contents(ledger) != made
    return made


def new_runner(ledger: Ledger) -> Runner:
    return Runner(ledger.database, ledger.log, ledger.projections)


# ── exactly once ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch", [1, 7, 2000])
def test_the_size_of_a_batch_does_not_matter(
    ledger: Ledger, expected: Contents, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BATCH", batch)
    new_runner(ledger).catch_up()
    assert contents(ledger) == expected


def test_batches_are_sized_by_the_time_that_they_take(ledger: Ledger) -> None:
    following = new_runner(ledger)
    sizes = []
    for done, seconds in ((500, 2.0), (62, 0.001), (124, 0.001), (100, 0.25), (0, 9.0), (100, 60.0)):
        following._adapt(done, seconds)
        sizes.append(following._batch)
    assert sizes == [62, 124, 248, 100, 100, 20]


def test_statistics_are_renewed_when_the_log_has_grown_by_a_tenth_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, renewed = new_runner(ledger), []
    monkeypatch.setattr(runner, "analyze", lambda _, projection, __: renewed.append(projection.name))
    names = sorted(projection.name for projection in ledger.projections)
    for first, stop, now in (
        (0, 1_999, False), (0, 2_000, True), (1_999, 2_000, False), (2_000, 3_999, False), (3_999, 50_000, True),
        (50_000, 54_999, False), (50_000, 55_000, True),
    ):  # fmt: skip
        following._renew_statistics(first, stop)
        assert sorted(renewed) == (names if now else []), stop
        renewed.clear()


def test_nor_where_one_stops_on_the_way(ledger: Ledger, expected: Contents) -> None:
    head = ledger.log.head().next_position
    chance = random.Random(5)
    for stop in sorted(chance.sample(range(head), 10)):
        following = new_runner(ledger) if chance.random() < 0.5 else ledger.runner
        assert following.catch_up(stop) == stop
        assert build_of(ledger, "plan_state").position == stop
    ledger.runner.catch_up()
    assert contents(ledger) == expected


def test_nor_what_is_at_hand(ledger: Ledger, expected: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that has to read nearly every stream anew for every batch writes the same."""
    monkeypatch.setattr(runner, "BATCH", 7)
    following = new_runner(ledger)
    following._cache = StreamCache(max_events=3)
    following.catch_up()
    assert contents(ledger) == expected


def test_two_runners_at_once_write_every_row_once(
    ledger: Ledger, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BATCH", 5)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            new_runner(ledger).catch_up()
        except BaseException as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert contents(ledger) == expected


def test_more_runners_than_connections_only_take_turns(
    database: Database, ledger: Ledger, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that held one connection and asked for another would wait for ever with the others that do."""
    monkeypatch.setattr(runner, "BATCH", 20)
    with opened(database, pool_size=2) as narrow, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: new_runner(narrow).catch_up(), range(4), timeout=9))
    assert contents(ledger) == expected


RUNNER = """
import sys, time
from ledger.projections import changes, runner
from ledger.services.ledger import Ledger
from ledger.settings import Settings

write = changes.Pending.write
def slowly(self, *arguments):
    write(self, *arguments)
    time.sleep(0.001)

changes.Pending.write = slowly
runner.BATCH = 3
with Ledger(Settings(database_url=sys.argv[1])) as ledger:
    print("begins", flush=True)
    ledger.runner.catch_up()
"""


def test_a_runner_that_is_killed_in_a_batch_leaves_it_to_the_next(
    ledger: Ledger, database: Database, expected: Contents
) -> None:
    chance = random.Random(3)
    kills = [killed(RUNNER, database.app, after=chance.uniform(0.0, 0.15)) for _ in range(2 * EFFORT)]
    assert any(kills)
    ledger.runner.catch_up()
    assert contents(ledger) == expected


def test_a_batch_that_fails_is_made_again(ledger: Ledger, expected: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is at hand in memory after a failure must not be taken for what is in the tables."""
    monkeypatch.setattr(runner, "BATCH", 10)
    following = new_runner(ledger)
    chance = random.Random(8)
    write = runner.Pending.write

    def failing(self: runner.Pending, *arguments: object) -> None:
        write(self, *arguments)
        if chance.random() < 0.1:
            raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(runner.Pending, "write", failing)
    failures = 0
    while build_of(ledger, "plan_tree").position < ledger.log.head().next_position:
        try:
            following.catch_up()
        except DatabaseUnavailable:
            failures += 1
    assert failures > 3
    monkeypatch.undo()
    following.catch_up()
    assert contents(ledger) == expected


def test_what_was_followed_equals_what_is_rebuilt(ledger: Ledger) -> None:
    ledger.runner.catch_up()
    check_rebuilt_alike(ledger)


def test_progress_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BATCH", 20)
    told: list[tuple[int, int]] = []
    head = ledger.runner.catch_up(progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, head)
    assert told[-1] == (head, head)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    ledger.runner.catch_up(progress=lambda *_: pytest.fail("there is nothing to do"))


# ── poison ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Poisoned(PlanState):
    """Cannot bear the third record of task T3."""

    def apply(self, state: PlanStateRuns, step: Step) -> tuple[PlanStateRuns, Changes]:
        if step.record.event.stream == "task/T3" and step.record.event.version == 3:
            raise ZeroDivisionError("poison")
        return super().apply(state, step)

    def resume(self, step: Step) -> PlanStateRuns:
        if step.record.event.stream == "task/T3" and step.record.event.version >= 3:
            raise ZeroDivisionError("poison on the way")
        return super().resume(step)


def with_poison(ledger: Ledger) -> tuple[Projection, ...]:
    return tuple(Poisoned() if projection.name == "plan_state" else projection for projection in ledger.projections)


@pytest.mark.parametrize("batch", [1, 7, 2000])
def test_a_poisonous_event_parks_its_task_and_the_others_go_on(
    ledger: Ledger, expected: Contents, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BATCH", batch)
    head = ledger.log.head().next_position
    for stop in (head // 2, head):
        assert Runner(ledger.database, ledger.log, with_poison(ledger)).catch_up(stop) == stop
    made = contents(ledger)
    third = ledger.log.stream_records({"task/T3": 0}, head)["task/T3"][2]
    assert made["parked"] == [("plan_state", "task/T3", third.position, "ZeroDivisionError: poison")]
    for table, rows in expected.items():
        if table in ("standing", "situation", "progress"):
            assert without_t3(made[table]) == without_t3(rows)
            assert made[table] != rows or table == "progress"
        elif table != "parked":
            assert made[table] == rows, table


def without_t3(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row for row in rows if not row[0].startswith("(T3,")]


def test_a_parked_task_stays_parked_though_the_code_was_mended(ledger: Ledger, expected: Contents) -> None:
    """Its rows lack what came of the poison, so nothing can be built on them: it takes a rebuild."""
    head = ledger.log.head().next_position
    Runner(ledger.database, ledger.log, with_poison(ledger)).catch_up(head * 2 // 3)
    parked = contents(ledger)
    assert parked["parked"]
    assert new_runner(ledger).catch_up() == head
    made = contents(ledger)
    assert made["parked"] == parked["parked"]
    assert made["charge"] == expected["charge"]
    for table in ("standing", "situation", "progress"):
        assert without_t3(made[table]) == without_t3(expected[table])
        assert only_t3(made[table]) == only_t3(parked[table])


def test_a_parked_task_is_tried_again(ledger: Ledger, expected: Contents) -> None:
    """What fails again stays parked; what succeeds is whole at once, and followed from there on."""
    head = ledger.log.head().next_position
    broken = Runner(ledger.database, ledger.log, with_poison(ledger))
    broken.catch_up(head * 2 // 3)
    (parked,) = read_models.parked(ledger)
    mended_projections, ledger.projections = ledger.projections, with_poison(ledger)
    assert read_models.retry(ledger) == ([], [parked])
    ledger.projections = mended_projections
    with pytest.raises(NotFound, match="parked stream task/T4"):
        read_models.retry(ledger, "plan_state", "task/T4")
    assert read_models.retry(ledger, "timeline") == ([], [])
    assert read_models.retry(ledger, "plan_state", "task/T3") == ([parked], [])
    assert read_models.parked(ledger) == read_models.retry(ledger)[0] == []
    ledger.runner.catch_up()
    assert contents(ledger) == expected


def test_a_runner_that_gave_up_on_a_task_takes_it_up_again_when_it_is_mended(
    ledger: Ledger, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's runner has the failure at hand, and another process has tried the task again."""
    monkeypatch.setattr(runner, "BATCH", 7)
    head = ledger.log.head().next_position
    following = Runner(ledger.database, ledger.log, with_poison(ledger))
    following.catch_up(head * 2 // 3)
    monkeypatch.setattr(Poisoned, "apply", PlanState.apply)
    assert len(read_models.retry(ledger)[0]) == 1
    assert following.catch_up() == head
    assert contents(ledger) == expected


def test_one_that_fails_still_parks_it_again(ledger: Ledger, expected: Contents) -> None:
    """A process with the old code follows on after another with the new one has mended a task: no row is wrong."""
    head = ledger.log.head().next_position
    following = Runner(ledger.database, ledger.log, with_poison(ledger))
    following.catch_up(head * 2 // 3)
    (parked,) = read_models.parked(ledger)
    read_models.retry(ledger)
    assert following.catch_up() == head
    assert read_models.parked(ledger) == [parked]
    assert len(read_models.retry(ledger)[0]) == 1
    assert contents(ledger) == expected


def only_t3(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row for row in rows if row[0].startswith("(T3,")]


def test_a_stream_of_which_no_task_can_come_parks_too(ledger: Ledger, expected: Contents) -> None:
    encoded = encode_event(committed(officer("x", stream="task/BAD")))
    ledger.committer.append([Append("task/BAD", 0, (("task.officer-named", encoded),))])
    record(ledger, line("assign_task", "T99", 3, title="after it", lead="U1"))
    head = ledger.runner.catch_up()
    made = contents(ledger)
    of_task = ("charges", "deadline_history", "plan_state", "requests")
    assert [row[:3] for row in made["parked"]] == [(name, "task/BAD", head - 2) for name in of_task]
    assert any("BAD" in row[0] for row in made["timeline"]), "which needs no task"
    assert any("T99" in row[0] for row in made["situation"])
    assert set(expected["timeline"]) < set(made["timeline"])


def test_an_entry_of_an_unknown_type_stops_the_runner_before_it(ledger: Ledger, expected: Contents) -> None:
    """A newer product wrote it: to go on without it would make rows that are wrong, and look right."""
    ledger.committer.append([Append("x/1", 0, (("x.unheard-of", b"{}"),))])
    for _ in range(2):
        with pytest.raises(EntryError, match=f"position {ledger.log.head().next_position - 1}"):
            new_runner(ledger).catch_up()
    assert ledger.runner.catch_up(ledger.log.head().next_position - 1)
    assert contents(ledger) == expected


# ── what is read ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(3 * EFFORT))
def test_events_that_a_projection_does_not_read_change_nothing(ledger: Ledger, seed: int) -> None:
    """Whenever they are dated: late records and retractions are among them."""
    submit(ledger, *random_lines(random.Random(seed), [f"S{seed}-{n}" for n in range(6)], 150))
    unread = 0
    for projection in ledger.projections:
        whole = type(projection).__new__(type(projection))
        whole.__dict__.update(projection.__dict__)
        whole.reads = events_of(projection.stream_kind)  # type: ignore[misc]  # of this one object
        states: dict[str, StreamState] = {}
        for each in ledger.log.records(0, 2**62):
            state = states.setdefault(each.event.stream, StreamState(each.event.stream, [whole]))
            for _, changes in state.advance(each):
                if type(each.event.data) not in projection.reads:
                    assert changes == Changes(), (projection.name, each)
                    unread += 1
        assert not any(state.failures for state in states.values())
    assert unread > 100


# ── what is not at hand ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(3 * EFFORT))
def test_a_stream_that_is_resumed_goes_on_as_if_it_had_been_at_hand(ledger: Ledger, seed: int) -> None:
    """From any version on, and whatever comes then: late records and retractions are among it."""
    chance = random.Random(seed)
    submit(ledger, *random_lines(chance, [f"S{seed}-{n}" for n in range(6)], 150))
    streams: dict[str, list[Record]] = {}
    for each in ledger.log.records(0, 2**62):
        streams.setdefault(each.event.stream, []).append(each)
    changed = 0
    for stream, records in streams.items():
        left = chance.randrange(1, len(records) + 1)
        state = StreamState(stream, ledger.projections)
        for each in records[:left]:
            state.advance(each)
        resumed = StreamState.resumed(stream, ledger.projections, records[:left])
        assert (resumed.records, resumed.task, resumed.failures) == (state.records, state.task, {})
        for each in records[left:]:
            made = state.advance(each)
            assert resumed.advance(each) == made, (stream, left, each)
            changed += sum(len(changes.opened) + len(changes.closed) for _, changes in made)
    assert changed > 50


def test_a_stream_that_fails_fails_on_the_same_record_when_it_is_resumed(ledger: Ledger) -> None:
    projections = with_poison(ledger)
    records = ledger.log.stream_records({"task/T3": 0}, 2**62)["task/T3"]
    state = StreamState("task/T3", [Unready(), *projections])
    for each in records:
        state.advance(each)
    resumed = StreamState.resumed("task/T3", [Unready(), *projections], records)
    assert resumed.failures == state.failures
    assert set(resumed.failures) == {"plan_state"}


class Unready(Timeline):
    """Works record by record, and not otherwise."""

    name = "unready"

    def resume(self, step: Step) -> None:
        raise ZeroDivisionError(step.record.event.stream)


# ── following ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_follower_is_woken_by_an_append_and_survives_the_loss_of_its_connection(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.projections.follower.RETRY_SECONDS", 0.05)
    follower = Follower(ledger.database, new_runner(ledger))
    follower.start()
    try:
        wait_for(ledger)
        for n in range(3):
            record(ledger, line("report_progress", "T1", 20, percent=n))
            began = time.monotonic()
            wait_for(ledger)
            assert time.monotonic() - began < 0.8, "it was the poll, and not the notification"
        with psycopg.connect(database.owner, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        record(ledger, line("report_progress", "T1", 20, percent=50))
        wait_for(ledger)
        assert follower.is_alive
    finally:
        follower.stop()
    assert not follower.is_alive
    check_rebuilt_alike(ledger)


def test_a_follower_survives_a_server_that_throws_everybody_out(
    ledger: Ledger, database: Database, expected: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when it is restarted: every connection is lost, in whatever batch, several times."""
    monkeypatch.setattr("ledger.projections.follower.RETRY_SECONDS", 0.05)
    monkeypatch.setattr(runner, "BATCH", 5)
    follower = Follower(ledger.database, new_runner(ledger))
    follower.start()
    try:
        with psycopg.connect(database.owner, autocommit=True) as owner:
            for _ in range(10):
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        with opened(database) as other:
            wait_for(other)
            assert contents(other) == expected
        assert follower.is_alive
    finally:
        follower.stop()


def wait_for(ledger: Ledger) -> None:
    deadline = time.monotonic() + 20
    head = ledger.log.head().next_position
    while True:
        with ledger.database.connection() as connection:
            if all(build.position == head for build in builds.all_builds(connection)):
                return
        assert time.monotonic() < deadline
        time.sleep(0.01)
