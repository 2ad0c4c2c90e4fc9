"""Builds are filled together, part by part, by workers that may be killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest
from tests.conftest import Database
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.killing import killed
from tests.support.ledgers import line, opened, record, submit
from tests.support.read_models import (
    all_of,
    begin_anew,
    build_of,
    check_rebuilt_alike,
    contents,
    differences,
    fill_parts,
    held_up,
    wait_for_turn,
)

from ledger import processes
from ledger.errors import RebuildRefused
from ledger.projections import builds, filling, runner
from ledger.projections.builds import Build
from ledger.projections.filling_part import Fill, do_parts
from ledger.projections.plan_state import PlanState
from ledger.projections.runner import Runner
from ledger.services.ledger import Ledger
from ledger.store import log
from ledger.store.database import Connection
from ledger.store.entry import decode_entry
from ledger.store.log import Log, StreamEntries

TASKS = [f"T{n}" for n in range(12)]


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """With a history that the read models have followed."""
    submit(ledger, *random_lines(random.Random(31), TASKS, 200))
    ledger.runner.catch_up()
    return ledger


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream a part."""
    monkeypatch.setattr(filling, "EVENTS", 1)


@pytest.fixture
def small_hauls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream a part, and a few parts a haul."""
    monkeypatch.setattr(filling, "EVENTS", 1)
    monkeypatch.setattr(filling, "AHEAD_BYTES", 25_000)


def rebuilt(ledger: Ledger, workers: int | None = None) -> list[Build]:
    return filling.rebuild(ledger.database, ledger.log, ledger.projections, workers=workers)


# ── together ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.usefixtures("small_parts")
def test_all_read_models_are_filled_in_one_pass_however_many_work(ledger: Ledger, workers: int) -> None:
    found = rebuilt(ledger, workers)
    assert {build.projection for build in found} == {projection.name for projection in ledger.projections}
    assert {build.position for build in found} == {ledger.log.head().next_position}
    assert differences(ledger) == {}


def test_indexes_are_those_of_a_build_that_only_followed(ledger: Ledger) -> None:
    rebuilt(ledger)
    with ledger.database.connection() as connection:
        rows = connection.execute(
            "SELECT schemaname, replace(indexdef, schemaname, '') FROM pg_indexes WHERE schemaname LIKE 'rm\\_%'"
        ).fetchall()
    for projection in ledger.projections:
        old, new = all_of(ledger, projection.name)
        of_old, of_new = ({text for schema, text in rows if schema == build.schema} for build in (old, new))
        assert of_old == of_new
        assert of_old


@pytest.mark.usefixtures("small_parts")
def test_a_new_build_is_not_read_until_it_is_filled(ledger: Ledger) -> None:
    """It stands at position 0, and neither a runner nor a switch touches it."""
    before = contents(ledger)
    told: list[int] = []

    def meanwhile(done: int, _: int) -> None:
        told.append(done)
        if done > 0 and len(told) < 5:
            new = build_of(ledger, "plan_state", 2)
            assert (new.position, new.fill is not None) == (0, True)
            Runner(ledger.database, ledger.log, ledger.projections).catch_up()
            assert build_of(ledger, "plan_state", 2) == new
            assert contents(ledger) == before

    filling.rebuild(ledger.database, ledger.log, ledger.projections, meanwhile)
    assert len(told) > 5
    assert differences(ledger) == {}


def test_nothing_is_left_of_a_fill(ledger: Ledger) -> None:
    rebuilt(ledger)
    with ledger.database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM ledger.fill").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM ledger.fill_part").fetchone() == (0,)


@pytest.mark.usefixtures("small_parts")
def test_what_was_begun_together_may_be_gone_on_with_alone(ledger: Ledger) -> None:
    """The others are dropped: they would lack what is done now."""
    interrupt(ledger, after=4)
    (new,) = filling.rebuild(ledger.database, ledger.log, [PlanState()])
    assert new.projection == "plan_state"
    assert [len(all_of(ledger, projection.name)) for projection in ledger.projections] == [2, 1, 1, 1, 1, 1, 1]
    assert differences(ledger) == {}
    check_rebuilt_alike_but(ledger, "plan_state")


def check_rebuilt_alike_but(ledger: Ledger, name: str) -> None:
    with ledger.database.connection() as connection:
        builds.drop(connection, all_of(ledger, name)[1])
    check_rebuilt_alike(ledger)


class EnoughError(Exception):
    """The user has had enough."""


def interrupt(ledger: Ledger, after: int, workers: int | None = None) -> None:
    """A rebuild of everything ends after so many parts."""
    told: list[int] = []

    def impatient(done: int, _: int) -> None:
        told.append(done)
        if len(told) > after:
            raise EnoughError

    with pytest.raises(EnoughError):
        filling.rebuild(ledger.database, ledger.log, ledger.projections, impatient, workers)


@pytest.mark.usefixtures("small_parts")
def test_workers_end_when_the_rebuild_is_interrupted(ledger: Ledger) -> None:
    interrupt(ledger, after=3, workers=2)
    goes_on(ledger, workers=2)
    assert differences(ledger) == {}


def test_a_turn_ends_before_its_session_does(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server takes a moment to end a session, and who repeats an interrupted rebuild at once is not refused."""
    with ExitStack() as lingering:

        @contextmanager
        def session() -> Iterator[Connection]:
            connection = ledger.database.connect()
            lingering.callback(connection.close)
            yield connection

        monkeypatch.setattr(ledger.database, "session", session)
        interrupt(ledger, after=1)
        rebuilt(ledger)
    assert differences(ledger) == {}


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────

REBUILDER = """
import sys
from ledger.projections import filling
from ledger.services.ledger import Ledger
from ledger.store.database import Connection
from ledger.settings import Settings

filling.EVENTS = 1
with Ledger(Settings(database_url=sys.argv[1])) as ledger:
    print("begins", flush=True)
    filling.rebuild(ledger.database, ledger.log, ledger.projections, workers=2)
"""


@pytest.mark.usefixtures("small_parts")
def test_a_killed_parent_leaves_what_its_workers_did(ledger: Ledger, database: Database) -> None:
    """The workers notice, or go on for a while: either way each part is done once."""
    chance = random.Random(7)

    def some_parts_are_done() -> bool:
        return sum(part.done for part in fill_parts(ledger)) > wanted

    for _ in range(2 * EFFORT):
        interrupt(ledger, after=0)
        wanted = chance.randrange(8)
        with held_up(ledger, chance.randrange(len(fill_parts(ledger)))):
            assert killed(REBUILDER, database.app, after=some_parts_are_done)
        wait_for_turn(ledger)
        goes_on(ledger, workers=chance.choice((0, 2)))
        ledger.runner.catch_up()
        assert differences(ledger) == {}
        for projection in ledger.projections:
            with ledger.database.connection() as connection:
                for build in all_of(ledger, projection.name)[1:]:
                    builds.drop(connection, build)


def goes_on(ledger: Ledger, workers: int) -> None:
    """A rebuild of everything takes up an earlier one with all that was done of it."""
    done = sum(part.events for part in fill_parts(ledger) if part.done)
    told: list[tuple[int, int]] = []
    found = filling.rebuild(ledger.database, ledger.log, ledger.projections, lambda *each: told.append(each), workers)
    assert {build.build for build in found} == {2}
    assert told[0][0] >= done > 0, "workers that lost their parent may have done more meanwhile"
    assert told[-1][0] == told[-1][1]


@pytest.mark.usefixtures("small_parts")
def test_a_killed_worker_is_named_and_what_is_left_is_done_by_the_same_command(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only worker is killed at its first part that it tells of, so something is left."""
    started = []

    class Remembered(processes.Worker):
        def __init__(self, module: str) -> None:
            super().__init__(module)
            started.append(self._process)

    monkeypatch.setattr(processes, "Worker", Remembered)

    def kill(done: int, _: int) -> None:
        if done and started[-1].poll() is None:
            os.kill(started[-1].pid, signal.SIGKILL)

    # A lock on a row that the worker will need keeps it from being done before it is killed.
    with psycopg.connect(ledger.database.conninfo) as blocker:
        began = threading.Event()

        def hold(done: int, total: int) -> None:
            if not done and not began.is_set():
                blocker.execute("SELECT FROM ledger.fill_part ORDER BY part DESC LIMIT 1 FOR UPDATE")
                began.set()
            kill(done, total)

        with pytest.raises(RebuildRefused, match=r"killed by signal 9\. What was filled is kept"):
            filling.rebuild(ledger.database, ledger.log, ledger.projections, hold, workers=1)
        blocker.rollback()
    monkeypatch.undo()
    goes_on(ledger, workers=1)
    assert differences(ledger) == {}


@pytest.mark.usefixtures("small_parts")
def test_what_goes_wrong_in_a_worker_is_said(ledger: Ledger, database: Database) -> None:
    interrupt(ledger, after=1)
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute(f"DROP TABLE {build_of(ledger, 'timeline', 2).schema}.timeline")
    with pytest.raises(RebuildRefused, match=r'relation ".*timeline" does not exist'):
        rebuilt(ledger, workers=2)


# ── beside others ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_that_fill_at_once_are_told_apart(ledger: Ledger) -> None:
    """Whoever wants any of what another fills is refused, and nothing of his is begun."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: int, __: int) -> None:
        begun.set()
        assert go_on.wait(20)

    first = threading.Thread(target=filling.rebuild, args=(ledger.database, ledger.log, [PlanState()], hold))
    first.start()
    try:
        assert begun.wait(20)
        with pytest.raises(RebuildRefused, match="plan_state is being rebuilt by another process"):
            rebuilt(ledger)
        assert len(all_of(ledger, "timeline")) == 1
    finally:
        go_on.set()
        first.join()
    assert differences(ledger) == {}


@pytest.mark.usefixtures("small_parts")
def test_parts_are_done_once_though_several_take_them(ledger: Ledger) -> None:
    """As if an older parent's workers were still at it: four take parts of one fill at the same time."""
    interrupt(ledger, after=0)
    fill = fill_begun(ledger)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with ledger.database.session() as connection:
                for _ in do_parts(connection, ledger.log, fill):
                    pass
        except BaseException as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    rebuilt(ledger)
    for thread in threads:
        thread.join()
    assert not errors
    assert differences(ledger) == {}


def fill_begun(ledger: Ledger) -> Fill:
    """The fill that an interrupted rebuild has left."""
    named = {projection.name: projection for projection in ledger.projections}
    with ledger.database.connection() as connection:
        number, position = connection.execute("SELECT fill, position FROM ledger.fill").fetchone() or (0, 0)
        mine = tuple((named[b.projection], b) for b in builds.all_builds(connection) if b.fill == number)
    return Fill(number, position, mine)


# ── read at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def hauls(ledger: Ledger) -> dict[int, list[bool]]:
    """Of the newest fill, by haul: whether its parts are done, in order."""
    found: dict[int, list[bool]] = {}
    with ledger.database.connection() as connection:
        rows = connection.execute(
            "SELECT haul, done FROM ledger.fill_part WHERE fill = (SELECT max(fill) FROM ledger.fill) ORDER BY part"
        ).fetchall()
    for haul, done in rows:
        found.setdefault(haul, []).append(done)
    return found


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The ranges of streams that are read from the log, one after the other."""
    made: list[tuple[str, str]] = []
    streams_between = Log.streams_between

    def noted(self: Log, first: str, last: str, stop: int) -> StreamEntries:
        made.append((first, last))
        return streams_between(self, first, last, stop)

    monkeypatch.setattr(Log, "streams_between", noted)
    return made


def test_streams_are_whole_and_in_order_however_they_lie_in_the_table(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_FETCHED", 7)
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("CREATE INDEX anyhow ON ledger.log ((position * 7919 % 101))")
        owner.execute("CLUSTER ledger.log USING anyhow")
        owner.execute("ANALYZE ledger.log")  # so that the planner sees that all of it is asked for
    stop = ledger.log.head().next_position - 20
    streams = [f"task/{task}" for task in sorted(TASKS)]
    found = ledger.log.streams_between(streams[0], streams[-1], stop)
    wanted = ledger.log.stream_records(dict.fromkeys(streams, 0), stop)
    assert {s: [decode_entry(*each) for each in entries] for s, entries in found.items()} == wanted
    assert sum(map(len, found.values())) > 7


@pytest.mark.usefixtures("small_hauls")
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_fill_of_many_hauls_is_as_any(ledger: Ledger, workers: int) -> None:
    interrupt(ledger, after=0)
    assert len(hauls(ledger)) > 3
    assert any(len(parts) > 1 for parts in hauls(ledger).values())
    rebuilt(ledger, workers)
    assert differences(ledger) == {}


@pytest.mark.usefixtures("small_parts")
def test_a_haul_takes_as_many_bytes_of_the_log_as_it_may(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fifth of the bytes there are five times as many: what a worker holds does not grow with the log."""
    with ledger.database.connection() as connection:
        (size,) = connection.execute("SELECT pg_table_size('ledger.log')").fetchone() or (0,)
    for share in (1, 2, 5):
        monkeypatch.setattr(filling, "AHEAD_BYTES", size // share + 1)
        interrupt(ledger, after=0)
        assert 0.5 * share <= len(hauls(ledger)) <= share
        for projection in ledger.projections:
            with ledger.database.connection() as connection:
                builds.drop(connection, build_of(ledger, projection.name, 2))


@pytest.mark.usefixtures("small_hauls")
def test_each_haul_is_read_once_by_whoever_works_alone(ledger: Ledger, reads: list[tuple[str, str]]) -> None:
    interrupt(ledger, after=0)
    number = len(hauls(ledger))
    rebuilt(ledger, workers=0)
    assert len(reads) == number
    assert reads == sorted(reads)


@pytest.mark.usefixtures("small_hauls")
def test_a_haul_has_one_reader_and_what_he_has_not_come_to_is_done_by_others(
    ledger: Ledger, reads: list[tuple[str, str]]
) -> None:
    """One has read a haul and goes no further; the other reads the rest by hauls, and then that one's parts singly."""
    interrupt(ledger, after=0)
    before, fill = hauls(ledger), fill_begun(ledger)
    with (
        ledger.database.session() as slow,
        ledger.database.session() as quick,
        closing(do_parts(slow, ledger.log, fill)) as halted,
    ):
        next(halted)
        assert sum(map(sum, hauls(ledger).values())) == 1
        reads.clear()
        for _ in do_parts(quick, ledger.log, fill):
            pass
        assert all(map(all, hauls(ledger).values()))
        assert len(reads) == len(before) - 1 + len(before[0]) - 1
        assert list(halted) == [], "nothing is done twice"
    rebuilt(ledger)
    assert differences(ledger) == {}


@pytest.mark.usefixtures("small_hauls")
def test_the_haul_of_one_who_left_is_read_by_the_next(ledger: Ledger, reads: list[tuple[str, str]]) -> None:
    """Whether he gave it back, or his session ended."""
    interrupt(ledger, after=0)
    before, fill = hauls(ledger), fill_begun(ledger)
    with ledger.database.session() as connection:
        with closing(do_parts(connection, ledger.log, fill)) as left:
            next(left)
        with ledger.database.session() as other:
            abandoned = do_parts(other, ledger.log, fill)
            next(abandoned)
        wait_for_turn(ledger)
        reads.clear()
        for _ in do_parts(connection, ledger.log, fill):
            pass
    assert len(reads) == len(before)
    rebuilt(ledger)
    assert differences(ledger) == {}


# ── read models that have read nothing ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every log is a long one."""
    monkeypatch.setattr(runner, "WORTH_WORKERS", 1)


@pytest.mark.usefixtures("worth_it", "small_parts")
def test_read_models_that_have_read_nothing_are_filled_where_they_are(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(ledger)
    begin_anew(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_follow", lambda *_: pytest.fail("they are filled, and not followed"))
        ledger.runner.catch_up()
    assert contents(ledger) == before
    assert {(build.build, build.status) for name in before_names(ledger) for build in all_of(ledger, name)} == {
        (1, "active")
    }
    submit(ledger, *random_lines(random.Random(3), ("T1", "T77"), 30))
    ledger.runner.catch_up()
    check_rebuilt_alike(ledger)


def before_names(ledger: Ledger) -> list[str]:
    return [projection.name for projection in ledger.projections]


@pytest.mark.usefixtures("worth_it", "small_parts")
def test_a_fill_of_what_is_in_use_is_gone_on_with_by_whoever_comes_next(ledger: Ledger) -> None:
    before = contents(ledger)
    begin_anew(ledger)
    told: list[int] = []

    def impatient(done: int, _: int) -> None:
        told.append(done)
        if len(told) == 5:
            raise EnoughError

    with pytest.raises(EnoughError):
        ledger.runner.catch_up(progress=impatient)
    assert {build_of(ledger, name).position for name in before_names(ledger)} == {0}
    with pytest.raises(RebuildRefused, match="filled for the first time"):
        filling.rebuild(ledger.database, ledger.log, [PlanState()])
    again: list[int] = []
    ledger.runner.catch_up(progress=lambda done, _: again.append(done))
    assert again[0] == told[-1]
    assert contents(ledger) == before


@pytest.mark.usefixtures("worth_it", "small_parts")
def test_two_that_come_to_empty_read_models_at_once_wait_for_each_other(ledger: Ledger, database: Database) -> None:
    before = contents(ledger)
    begin_anew(ledger)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with opened(database) as other:
                other.runner.catch_up()
        except BaseException as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert contents(ledger) == before


@pytest.mark.usefixtures("worth_it")
def test_a_new_record_is_followed_after_a_fill(ledger: Ledger) -> None:
    begin_anew(ledger)
    ledger.runner.catch_up()
    record(ledger, line("name_officer", "T1", 20, officer="after it"))
    ledger.runner.catch_up()
    assert build_of(ledger, "timeline").position == ledger.log.head().next_position
    check_rebuilt_alike(ledger)
