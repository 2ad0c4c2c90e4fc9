"""A read model is built anew beside the one in use, compared with it, and put in its place and taken back."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
import pytest
from tests.conftest import Database
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.killing import killed
from tests.support.ledgers import both, line, opened, record, submit
from tests.support.read_models import (
    all_of,
    begin_anew,
    build_of,
    check_rebuilt_alike,
    contents,
    fill_parts,
    held_up,
    wait_for_turn,
)

from ledger.errors import NotFound, RebuildRefused
from ledger.projections import builds, filling, filling_part, rebuild, runner
from ledger.projections.builds import Outdated
from ledger.projections.filling_part import Fill
from ledger.projections.plan_state import PlanState
from ledger.projections.rows import Scope
from ledger.projections.runner import Runner
from ledger.services import read_models
from ledger.services.ledger import Ledger
from ledger.store.database import Connection
from ledger.store.log import StreamEntries

TASKS = [f"T{n}" for n in range(12)]
NAMES = ("plan_state", "timeline", "deadline_history", "unit_tree")


class NewPlanState(PlanState):
    """The next version of a projection."""

    version = PlanState.version + 1


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """With a history that the read models have followed."""
    submit(ledger, *random_lines(random.Random(23), TASKS, 200))
    ledger.runner.catch_up()
    return ledger


def nothing(_: int, __: int) -> None:
    """No progress is shown."""


def dropped(ledger: Ledger, new: builds.Build) -> None:
    with ledger.database.connection() as connection:
        builds.drop(connection, new)


# ── filling ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("events", [1, 50, 5_000])
def test_a_fill_makes_what_following_has_made(ledger: Ledger, events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "EVENTS", events)
    check_rebuilt_alike(ledger)


def test_a_fill_makes_it_though_appends_go_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "EVENTS", 6)
    monkeypatch.setattr(runner, "BATCH", 5)
    chance = random.Random(4)

    def meanwhile(_: int, __: int) -> None:
        submit(ledger, *random_lines(chance, (*chance.sample(TASKS, 2), f"N{chance.random()}"), 6))
        if chance.random() < 0.5:
            Runner(ledger.database, ledger.log, ledger.projections).catch_up()

    for projection in ledger.projections:
        [new] = filling.rebuild(ledger.database, ledger.log, [projection], meanwhile)
        assert (new.status, new.position < ledger.log.head().next_position) == ("following", True)
        assert read_models.diff(ledger, projection.name) == []
        dropped(ledger, new)


def test_progress_counts_events(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "EVENTS", 30)
    told: list[tuple[int, int]] = []
    read_models.rebuild(ledger, ["plan_state"], lambda done, total: told.append((done, total)))
    events = len([each for each in ledger.log.records(0, 2**62) if each.event.stream.startswith("task/")])
    assert (told[0], told[-1]) == ((0, events), (events, events))
    assert len(told) > 4
    assert [done for done, _ in told] == sorted(done for done, _ in told)


class EnoughError(Exception):
    """The user has had enough."""


def test_an_interrupted_fill_goes_on_where_it_stopped(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "EVENTS", 1)  # a task a part
    told: list[int] = []

    def impatient(done: int, _: int) -> None:
        told.append(done)
        if len(told) in (2, 4):
            raise EnoughError

    for _ in range(2):
        with pytest.raises(EnoughError):
            read_models.rebuild(ledger, ["plan_state"], impatient)
        assert build_of(ledger, "plan_state", 2).fill is not None
    record(ledger, line("name_officer", "T1", 20, officer="meanwhile"))
    assert read_models.rebuild(ledger, ["plan_state"], impatient)[0].build == 2
    assert told == sorted(told)
    assert len(set(told)) == 13
    assert [told.count(done) for done in told[:4]] == [1, 2, 2, 2]
    assert read_models.diff(ledger, "plan_state") == []


REBUILDER = """
import sys, time
from ledger.projections import changes, filling
from ledger.services import read_models
from ledger.services.ledger import Ledger
from ledger.settings import Settings

write = changes.Texts.write
def slowly(self, *arguments):
    write(self, *arguments)
    time.sleep(0.003)

changes.Texts.write = slowly
filling.EVENTS = 1
with Ledger(Settings(database_url=sys.argv[1])) as ledger:
    print("begins", flush=True)
    read_models.rebuild(ledger, ["plan_state"], lambda *_: None)
"""


def test_a_killed_fill_goes_on_where_it_stopped(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that were done before are not done again, whatever it was at when it was killed."""
    monkeypatch.setattr(filling, "EVENTS", 1)  # a task a part
    folded = noted(monkeypatch)
    chance = random.Random(9)
    for _ in range(2 * EFFORT):
        with pytest.raises(EnoughError):
            read_models.rebuild(ledger, ["plan_state"], interrupt)
        with held_up(ledger, chance.randrange(len(TASKS))):
            assert killed(REBUILDER, database.app, after=partial(has_done, ledger, chance.randrange(1, len(TASKS))))
        wait_for_turn(ledger)
        parts = fill_parts(ledger)
        done = sum(part.events for part in parts if part.done)
        told: list[int] = []
        [new] = read_models.rebuild(ledger, ["plan_state"], lambda so_far, _, told=told: told.append(so_far))
        assert (new.build, new.status) == (2, "following")
        assert told[0] == done > 0
        assert sorted(folded) == sorted(part.first for part in parts if not part.done)
        assert read_models.diff(ledger, "plan_state") == []
        dropped(ledger, new)
        folded.clear()


def has_done(ledger: Ledger, wanted: int) -> bool:
    """The fill has done so many parts."""
    return sum(part.done for part in fill_parts(ledger)) >= wanted


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The streams that fills of this process fold, from now on."""
    folded: list[str] = []
    fold_and_write = filling_part._fold_and_write

    def fold(connection: Connection, fill: Fill, entries: StreamEntries) -> None:
        folded.extend(entries)
        fold_and_write(connection, fill, entries)

    monkeypatch.setattr(filling_part, "_fold_and_write", fold)
    return folded


def test_two_do_not_fill_the_same_at_once(ledger: Ledger) -> None:
    """The second is told to wait; another read model is no matter of the first."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: int, __: int) -> None:
        begun.set()
        assert go_on.wait(20)

    first = threading.Thread(target=read_models.rebuild, args=(ledger, ["plan_state"], hold))
    first.start()
    try:
        assert begun.wait(20)
        with opened_again(ledger) as second:
            with pytest.raises(RebuildRefused, match="plan_state is being rebuilt"):
                read_models.rebuild(second, ["plan_state"], nothing)
            assert read_models.rebuild(second, ["timeline"], nothing)[0].status == "following"
    finally:
        go_on.set()
        first.join()
    assert read_models.diff(ledger, "plan_state") == []
    assert read_models.rebuild(ledger, ["plan_state"], nothing)[0].build == 3


def opened_again(ledger: Ledger) -> Ledger:
    return Ledger(ledger.settings, clock=ledger.clock)


def test_what_an_older_version_left_unfinished_is_dropped(ledger: Ledger) -> None:
    with pytest.raises(EnoughError):
        filling.rebuild(ledger.database, ledger.log, [NewPlanState()], interrupt)
    [new] = filling.rebuild(ledger.database, ledger.log, [PlanState()])
    assert [(build.version, build.status) for build in all_of(ledger, "plan_state")] == [
        (PlanState.version, "active"), (PlanState.version, "following"),
    ]  # fmt: skip
    assert new.schema in schemas(ledger)
    assert len(schemas(ledger)) == len(ledger.projections) + 1


def schemas(ledger: Ledger) -> list[str]:
    with ledger.database.connection() as connection:
        return [row[0] for row in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rm\\_%'")]


def interrupt(_: int, __: int) -> None:
    raise EnoughError


def test_a_rebuild_frees_what_was_parked(ledger: Ledger) -> None:
    begin_anew(ledger)
    broken = PlanState()
    broken.apply = lambda *_: 1 // 0  # type: ignore[method-assign,assignment]
    others = tuple(projection for projection in ledger.projections if projection.name != "plan_state")
    Runner(ledger.database, ledger.log, (broken, *others)).catch_up()
    assert {stream for _, stream, _, _ in contents(ledger)["parked"]} == {f"task/{task}" for task in TASKS}
    assert sum(each.parked for each in read_models.standings(ledger)) == len(TASKS)
    read_models.rebuild(ledger, ["plan_state"], nothing)
    read_models.switch(ledger, ["plan_state"])
    read_models.rebuild(ledger, ["plan_state"], nothing)
    read_models.switch(ledger, ["plan_state"])
    assert contents(ledger)["parked"] == []
    check_rebuilt_alike(ledger)


# ── comparing and switching ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_difference_is_found_and_shown(ledger: Ledger) -> None:
    [new] = read_models.rebuild(ledger, ["plan_state"], nothing)
    with ledger.database.connection() as connection:
        connection.execute(f"UPDATE {new.schema}.situation SET lead = 'X' WHERE task = 'T1' AND known_to IS NULL")
        (changed,) = (
            connection.execute(f"SELECT count(*) FROM {new.schema}.situation WHERE lead = 'X'").fetchone() or ()
        )
        gone = connection.execute(f"DELETE FROM {new.schema}.progress WHERE percent < 5000").rowcount
    situation, *progress = read_models.diff(ledger, "plan_state")
    assert (situation.table, situation.only_in_old, situation.only_in_new) == ("situation", changed, changed)
    assert any("T1" in example for example in situation.examples)
    assert [(each.table, each.only_in_old, each.only_in_new) for each in progress] == [("progress", gone, 0)]


def test_a_row_too_many_is_a_difference(ledger: Ledger) -> None:
    """Counting catches one that stands there twice, should the unique index be gone."""
    [new] = read_models.rebuild(ledger, ["plan_state"], nothing)
    with ledger.database.connection() as connection:
        connection.execute(f"DROP INDEX {new.schema}.situation_task_idx")
        connection.execute(f"INSERT INTO {new.schema}.situation SELECT * FROM {new.schema}.situation LIMIT 1")
    (difference,) = read_models.diff(ledger, "plan_state")
    assert (difference.only_in_old, difference.only_in_new) == (0, 1)


@pytest.mark.parametrize("name", NAMES)
def test_switching_and_rolling_back_change_what_is_read_and_nothing_else(ledger: Ledger, name: str) -> None:
    before = contents(ledger)
    with pytest.raises(NotFound):
        read_models.switch(ledger, [name])
    with pytest.raises(NotFound):
        read_models.rollback(ledger, [name])
    assert read_models.rebuild(ledger, [name], nothing)[0].build == 2
    assert build_of(ledger, name).build == 1
    for number, act in ((2, read_models.switch), (1, read_models.rollback), (2, read_models.switch)):
        assert act(ledger, [name])[0].build == number
        assert build_of(ledger, name).build == number
        assert [build.status for build in all_of(ledger, name)] in (["active", "following"], ["following", "active"])
        assert contents(ledger) == before
    with pytest.raises(NotFound):
        read_models.switch(ledger, [name])


def test_both_builds_follow_after_a_switch(ledger: Ledger) -> None:
    read_models.rebuild(ledger, ["plan_state"], nothing)
    read_models.switch(ledger, ["plan_state"])
    submit(ledger, *random_lines(random.Random(2), ("T1", "T2", "T77"), 60))
    ledger.runner.catch_up()
    after = contents(ledger)
    read_models.rollback(ledger, ["plan_state"])
    assert contents(ledger) == after
    check_rebuilt_alike(ledger)


def test_the_third_build_ends_the_first(ledger: Ledger) -> None:
    for number in (2, 3, 4):
        assert read_models.rebuild(ledger, ["plan_state"], nothing)[0].build == number
        read_models.switch(ledger, ["plan_state"])
        assert [build.build for build in all_of(ledger, "plan_state")] == [number - 1, number]
    with ledger.database.connection() as connection:
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rm\\_plan\\_state%'"
        ).fetchall()
    assert len(schemas) == 2


def test_a_dry_run_leaves_nothing(ledger: Ledger) -> None:
    before = contents(ledger)
    [new] = read_models.rebuild(ledger, ["plan_state"], nothing)
    read_models.discard(ledger, new)
    assert [build.build for build in all_of(ledger, "plan_state")] == [1]
    assert contents(ledger) == before
    with pytest.raises(NotFound):
        read_models.diff(ledger, "plan_state")


def test_a_reader_keeps_what_it_reads_while_others_switch_and_write(ledger: Ledger) -> None:
    on, head = dt.date(2025, 3, 31), ledger.log.head().next_position
    read_models.rebuild(ledger, ["plan_state"], nothing)
    with both(ledger, head, on) as (models, replay):
        first = list(models.tasks(Scope()))
        with opened_again(ledger) as other:
            read_models.switch(other, ["plan_state"])
            record(other, line("rename_unit", "unit/U1", 20, name="Renamed"))
            other.runner.catch_up()
        assert list(models.tasks(Scope())) == first == list(replay.tasks(Scope()))
        assert list(models.units()) == list(replay.units())


def test_an_unknown_name_is_said_to_be_so(ledger: Ledger) -> None:
    acts: list[Callable[[], object]] = [
        lambda: read_models.rebuild(ledger, ["unheard_of"], nothing),
        lambda: read_models.switch(ledger, ["plan_state", "unheard_of"]),
        lambda: read_models.rollback(ledger, ["unheard_of"]),
        lambda: read_models.diff(ledger, "unheard_of"),
        lambda: read_models.retry(ledger, "unheard_of"),
    ]
    for act in acts:
        with pytest.raises(NotFound, match="plan_state, timeline"):
            act()


# ── versions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def upgraded(ledger: Ledger) -> Iterator[Ledger]:
    """The same ledger in the hands of a product whose `plan_state` has another version."""
    with opened_again(ledger) as newer:
        newer.projections = tuple(NewPlanState() if p.name == "plan_state" else p for p in newer.projections)
        builds.ensure(newer.database, newer.projections)
        yield newer


def test_a_read_model_of_another_version_is_not_read(upgraded: Ledger) -> None:
    with pytest.raises(Outdated, match="ledger projections rebuild plan_state"), both(upgraded, 5, dt.date(2025, 3, 5)):
        pass


def test_nor_followed_until_it_is_rebuilt(ledger: Ledger, upgraded: Ledger) -> None:
    stood = build_of(ledger, "plan_state").position
    record(upgraded, line("name_officer", "T1", 20, officer="after the upgrade"))
    head = upgraded.runner.catch_up()
    assert (build_of(upgraded, "plan_state").position, build_of(upgraded, "timeline").position) == (stood, head)
    [new] = filling.rebuild(upgraded.database, upgraded.log, [NewPlanState()])
    read_models.switch(upgraded, ["plan_state"])
    assert build_of(upgraded, "plan_state") == builds.Build("plan_state", 2, NewPlanState.version, "active", head, None)
    assert new.schema.endswith(f"v{NewPlanState.version}_b2")
    with both(upgraded, head, dt.date(2025, 3, 31)) as (models, replay):
        assert list(models.tasks(Scope())) == list(replay.tasks(Scope()))


def test_products_of_two_versions_serve_side_by_side(ledger: Ledger, upgraded: Ledger) -> None:
    """Each reads and follows builds of its own version: before the switch, after it, and when it is taken back."""

    def both_read_what_a_fold_gives() -> None:
        record(ledger, line("name_officer", "T1", 20, officer=f"at {ledger.log.head().next_position}"))
        for product in (ledger, upgraded):
            head = product.runner.catch_up()
            with both(product, head, dt.date(2025, 3, 31)) as (models, replay):
                assert list(models.tasks(Scope())) == list(replay.tasks(Scope()))

    read_models.rebuild(upgraded, ["plan_state"], nothing)
    both_read_what_a_fold_gives()
    assert [build.version for build in read_models.switch(upgraded, ["plan_state"])] == [NewPlanState.version]
    both_read_what_a_fold_gives()
    with pytest.raises(NotFound, match=f"earlier build of read model plan_state with version {NewPlanState.version}"):
        read_models.rollback(upgraded, ["plan_state"])  # it could not bring the old build into step
    with pytest.raises(NotFound, match="newer build of read model plan_state with version"):
        read_models.switch(ledger, ["plan_state"])
    both_read_what_a_fold_gives()
    assert [build.version for build in read_models.rollback(ledger, ["plan_state"])] == [PlanState.version]
    both_read_what_a_fold_gives()


def test_a_switch_leaves_what_a_product_of_another_version_prepares(ledger: Ledger, upgraded: Ledger) -> None:
    read_models.rebuild(upgraded, ["plan_state"], nothing)
    for _ in range(2):
        read_models.rebuild(ledger, ["plan_state"], nothing)
        read_models.switch(ledger, ["plan_state"])
    assert [(build.build, build.version) for build in all_of(ledger, "plan_state")] == [
        (2, NewPlanState.version), (3, PlanState.version), (4, PlanState.version),
    ]  # fmt: skip
    read_models.switch(upgraded, ["plan_state"])


def test_builds_whose_tables_differ_are_compared_by_what_both_have(
    ledger: Ledger, upgraded: Ledger, database: Database
) -> None:
    [new] = read_models.rebuild(upgraded, ["plan_state"], nothing)
    assert read_models.diff(upgraded, "plan_state") == []
    old = build_of(ledger, "plan_state")
    with psycopg.connect(database.owner, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {new.schema}.progress ADD COLUMN mood text NOT NULL DEFAULT 'good'")
        connection.execute(f"ALTER TABLE {new.schema}.progress ALTER COLUMN percent TYPE bigint")
        connection.execute(f"ALTER TABLE {old.schema}.progress ADD COLUMN weather text")
        connection.execute(f"UPDATE {new.schema}.progress SET reported_on = '2000-01-01' WHERE task = 'T3'")
        connection.execute(f"CREATE TABLE {new.schema}.more (task text, known_from bigint, known_to bigint)")
        connection.execute(f"GRANT SELECT ON {new.schema}.more TO ledger_app")
        connection.execute(f"INSERT INTO {new.schema}.more VALUES ('T1', 0, 4), ('T2', 3, NULL)")
        rows = connection.execute(f"SELECT count(*) FROM {old.schema}.progress WHERE task = 'T3'").fetchone()
    progress, more = read_models.diff(upgraded, "plan_state")
    assert more == rebuild.Difference("more", 0, 2, (), (), ("task text", "known_from bigint", "known_to bigint"))
    assert (progress.table, progress.only_in_old, progress.only_in_new) == ("progress", *rows, *rows)
    assert progress.columns_only_in_old == ("percent integer", "weather text")
    assert progress.columns_only_in_new == ("percent bigint", "mood text")
    assert len(progress.examples) == 2 * min(rebuild.EXAMPLES, *rows)


def test_a_projection_that_is_new_begins_at_the_first_record(ledger: Ledger) -> None:
    before = contents(ledger)
    with ledger.database.connection() as connection:
        builds.drop(connection, build_of(ledger, "timeline"))
    threads = [threading.Thread(target=builds.ensure, args=(ledger.database, ledger.projections)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [build.position for build in all_of(ledger, "timeline")] == [0]
    ledger.runner.catch_up()
    assert contents(ledger) == before


def test_a_ledger_opened_by_many_at_once_has_one_build_of_each(database: Database) -> None:
    def open_and_close() -> None:
        with opened(database):
            pass

    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened(database) as ledger, ledger.database.connection() as connection:
        assert [(build.projection, build.build) for build in builds.all_builds(connection)] == sorted(
            (projection.name, 1) for projection in ledger.projections
        )
