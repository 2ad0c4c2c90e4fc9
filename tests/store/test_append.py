"""The append function: one statement, positions without gaps, an answer for each append."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.conftest import Database
from tests.support.effort import EFFORT, examples
from tests.support.ledgers import micros
from tests.support.writers import Done, write, write_in_a_process

from ledger.store.append import Answer, Append, IdempotencyKey
from ledger.store.appending import append_on
from ledger.store.database import Database as Pool
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder
from ledger.store.standing import Stand

ROOM = 65_535 - 41
"""Bytes of an event that fills its entry."""


def events(count: int = 1, text: str = "") -> tuple[tuple[str, bytes], ...]:
    return tuple(("test.event", b'{"n":%d,"text":%b}' % (n, json.dumps(text).encode())) for n in range(count))


def append(stream: str, expected: int, count: int = 1, **more: object) -> Append:
    return Append(stream, expected, events(count), **more)


def key(name: str, of: str = "the command", unit: str = "U1") -> IdempotencyKey:
    return IdempotencyKey(unit, name, of.encode().ljust(32))


def conflict(version: int) -> Answer:
    return Answer("conflict", None, None, version, None)


def refused(reason: str, version: int | None = None) -> Answer:
    return Answer("refused", None, None, version, reason)


@contextmanager
def failing_at_commit(database: Database) -> Iterator[None]:
    """Appends are carried out, and then their commit fails, as it may when it is cancelled."""
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'at commit' USING ERRCODE = 'integrity_constraint_violation'; END $$; "
            "CREATE CONSTRAINT TRIGGER fail AFTER UPDATE ON ledger.head DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
        yield
        owner.execute("DROP TRIGGER fail ON ledger.head")


def test_an_append_whose_commit_fails_is_not_answered(database: Database, recorder: LedgerRecorder, log: Log) -> None:
    with failing_at_commit(database), pytest.raises(psycopg.IntegrityError, match="at commit"):
        recorder.append([append("a", 0)])
    assert log.head().next_position == 0
    assert recorder.append([append("a", 0)])[0].position == 0


@pytest.mark.parametrize("sizes", [(2, 0), (0, 2), (1, 2, 0), (3, 0, 0), (1, 1, 1, 0, 2)])
def test_an_append_without_events_takes_none_of_another(
    recorder: LedgerRecorder, log: Log, sizes: Sequence[int]
) -> None:
    """Though there are as many events as appends."""
    found = recorder.append([append(f"s{n}", 0, size) for n, size in enumerate(sizes)])
    assert [answer.status for answer in found] == ["recorded" if size else "refused" for size in sizes]
    wanted = [(f"s{n}", version) for n, size in enumerate(sizes) for version in range(1, size + 1)]
    assert [(row[3], row[2]) for row in check_whole(log)] == wanted


def set_clock_ahead(database: Database, seconds: int) -> int:
    """The head's recorded_at lies so far in the future: to the next append the clock seems to have run back."""
    with psycopg.connect(database.owner, autocommit=True) as owner:
        row = owner.execute(
            "UPDATE ledger.head SET recorded_at = (extract(epoch FROM now()) * 1000000)::bigint + %s "
            "RETURNING recorded_at",
            (seconds * 1_000_000,),
        ).fetchone()
    assert row
    return int(row[0])


def first_answers(log: Log, *keys: IdempotencyKey) -> dict[tuple[str, str], Answer]:
    with closing(Stand(log.database)) as stand:
        return stand.of((), keys).answers


def raw(log: Log) -> list[tuple[Any, ...]]:
    """(position, recorded_at, version, stream, type, entry) of the whole log."""
    with log.database.connection() as connection:
        return connection.execute(
            "SELECT position, recorded_at, version, stream, type, entry FROM ledger.log ORDER BY position"
        ).fetchall()


def check_whole(log: Log) -> list[tuple[Any, ...]]:
    """What holds of every log: no gap, times that rise, versions 1, 2, 3 … in each stream, heads in step."""
    rows = raw(log)
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert all(before[1] < after[1] for before, after in itertools.pairwise(rows))
    versions: Counter[str] = Counter()
    for _, recorded_at, version, stream, _, entry in rows:
        versions[stream] += 1
        assert version == versions[stream]
        assert json.loads(entry)["recorded_at"] == recorded_at
    assert log.stream_versions(versions) == dict(versions)
    head = log.head()
    assert head.next_position == len(rows)
    assert not rows or head.recorded_at == rows[-1][1]
    return rows


# ── positions, versions, times ───────────────────────────────────────────────────────────────────────────────────────


def test_events_stand_at_consecutive_positions_from_zero(log: Log, recorder: LedgerRecorder) -> None:
    before = time.time_ns() // 1000
    first, second = recorder.append([append("a", 0, 3), append("b", 0, 2)])
    (third,) = recorder.append([append("a", 3)])
    after = time.time_ns() // 1000
    assert [(a.status, a.position, a.version) for a in (first, second, third)] == [
        ("recorded", 0, 3), ("recorded", 3, 2), ("recorded", 5, 4),
    ]  # fmt: skip
    rows = check_whole(log)
    assert [row[3] for row in rows] == ["a", "a", "a", "b", "b", "a"]
    assert [first.recorded_at, second.recorded_at, third.recorded_at] == [rows[0][1], rows[3][1], rows[5][1]]
    assert before <= rows[0][1] <= rows[5][1] <= after
    assert rows[1][5] == b'{"event":{"n":1,"text":""},"recorded_at":%d}' % rows[1][1]


def test_times_rise_though_the_clock_stands_still_or_runs_back(
    database: Database, log: Log, recorder: LedgerRecorder
) -> None:
    recorder.append([append("a", 0)])
    ahead = set_clock_ahead(database, 3600)
    recorder.append([append("a", 1, 2), append("b", 0)])
    recorder.append([append("a", 3)])
    rows = check_whole(log)
    assert [row[1] for row in rows[1:]] == [ahead + 1, ahead + 2, ahead + 3, ahead + 4]


def test_an_append_is_recorded_only_at_the_version_that_it_expects(log: Log, recorder: LedgerRecorder) -> None:
    assert recorder.append([append("a", 5)]) == [conflict(0)]
    recorder.append([append("a", 0, 2)])
    for wrong in (0, 1, 3, 2**31 - 1):
        assert recorder.append([append("a", wrong)]) == [conflict(2)]
    assert recorder.append([append("b", 1)]) == [conflict(0)]
    assert recorder.append([append("a", 2)])[0].status == "recorded"
    assert len(check_whole(log)) == 3


def test_one_bad_append_of_a_batch_harms_no_other(log: Log, recorder: LedgerRecorder) -> None:
    recorder.append([append("a", 0), append("k", 0, key=key("used"))])
    answers = recorder.append(
        [
            append("a", 1),
            append("a", 1),
            append("b", 7),
            append("c", 0, 0),
            append("c", 0),
            append("c", 1),
            append("d", 0, key=key("used", "another")),
            append("d", 0, key=key("used")),
            Append("e", 0, (("t", b"x" * (ROOM + 1)),)),
            append("e", 0, history=micros("2001-01-01T00:00:00Z")),
            append("e", 0),
        ]
    )
    assert [(a.status, a.reason, a.position, a.version) for a in answers] == [
        ("recorded", None, 2, 2),
        ("conflict", None, None, 2),
        ("conflict", None, None, 0),
        ("refused", "no_events", None, 0),
        ("recorded", None, 3, 1),
        ("recorded", None, 4, 2),
        ("refused", "key_reused", None, None),
        ("replayed", None, 1, 1),
        ("refused", "entry_too_large", None, 0),
        ("refused", "ledger_is_live", None, 0),
        ("recorded", None, 5, 1),
    ]
    assert len(check_whole(log)) == 6


def test_a_batch_of_nothing_but_bad_appends_leaves_no_trace(log: Log, recorder: LedgerRecorder) -> None:
    before = log.head()
    assert recorder.append([append("a", 1, key=key("k")), append("b", 0, 0)]) == [conflict(0), refused("no_events", 0)]
    assert recorder.append([]) == []
    assert log.head() == before
    assert first_answers(log, key("k")) == {}
    assert log.stream_versions(["a", "b"]) == {}


@pytest.mark.parametrize(
    "bad",
    [append("c", 1), append("c", 0, 0), append("c", 0, key=key("used")), append("c", 0, key=key("used", "other"))],
    ids=["conflict", "refused", "replayed", "key reused"],
)
def test_all_or_nothing_is_what_it_says(log: Log, recorder: LedgerRecorder, bad: Append) -> None:
    recorder.append([append("k", 0, key=key("used"))])
    before = log.head()
    with pytest.raises(IntegrityError):
        recorder.append([append("a", 0), bad, append("b", 0)], all_or_nothing=True)
    assert log.head() == before
    assert log.stream_versions(["a", "b", "c"]) == {}
    answers = recorder.append([append("a", 0), append("a", 1), append("b", 0)], all_or_nothing=True)
    assert [a.status for a in answers] == ["recorded"] * 3


def test_an_entry_is_measured_by_the_database_too(log: Log, recorder: LedgerRecorder) -> None:
    (full,) = recorder.append([Append("a", 0, (("t", b"x" * ROOM),))])
    assert full.status == "recorded"
    assert len(log.entries(0, 1)[0][1]) == 65_535
    overfull = Append("a", 1, (("t", b"{}"), ("t", b"x" * (ROOM + 1))))
    assert recorder.append([overfull]) == [refused("entry_too_large", 1)]


# ── idempotency ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_used_again_for_the_same_command_gets_the_first_answer(log: Log, recorder: LedgerRecorder) -> None:
    (first,) = recorder.append([append("a", 0, 3, key=key("k"))])
    recorder.append([append("a", 3, 4)])
    for again in (append("a", 0, 3, key=key("k")), append("a", 7, key=key("k")), append("z", 99, key=key("k"))):
        (answer,) = recorder.append([again])
        assert (answer.status, answer.reason) == ("replayed", None)
        assert (answer.position, answer.recorded_at, answer.version) == (first.position, first.recorded_at, 3)
    assert log.head().next_position == 7


def test_a_key_used_again_for_another_command_is_refused(log: Log, recorder: LedgerRecorder) -> None:
    recorder.append([append("a", 0, key=key("k"))])
    assert recorder.append([append("a", 1, key=key("k", "another"))]) == [refused("key_reused")]
    assert log.head().next_position == 1


def test_keys_are_each_units_own(log: Log, recorder: LedgerRecorder) -> None:
    recorder.append([append("a", 0, key=key("k"))])
    (other,) = recorder.append([append("a", 1, key=key("k", "another", unit="U2"))])
    assert other.status == "recorded"
    found = first_answers(log, key("k"), key("k", "another", unit="U2"), key("x"))
    assert {name: answer.position for name, answer in found.items()} == {("U1", "k"): 0, ("U2", "k"): 1}


def test_a_key_twice_in_one_batch_is_recorded_once(log: Log, recorder: LedgerRecorder) -> None:
    first, again, other = recorder.append(
        [append("a", 0, key=key("k")), append("a", 0, key=key("k")), append("b", 0, key=key("k", "another"))]
    )
    assert (first.status, again.status, other) == ("recorded", "replayed", refused("key_reused"))
    assert (again.position, again.recorded_at, again.version) == (first.position, first.recorded_at, first.version)
    assert log.head().next_position == 1


def test_a_key_of_an_append_that_was_not_recorded_is_not_used_up(recorder: LedgerRecorder) -> None:
    assert recorder.append([append("a", 1, key=key("k"))]) == [conflict(0)]
    assert recorder.append([append("a", 0, key=key("k"))])[0].status == "recorded"


# ── history ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_history_is_recorded_at_the_times_that_it_carries(log: Log, recorder: LedgerRecorder) -> None:
    t = micros("2011-06-30T10:00:00Z")
    first, second = recorder.append([append("a", 0, 2, history=t), append("b", 0, history=t + 5_000_000)])
    assert (first.recorded_at, second.recorded_at) == (t, t + 5_000_000)
    assert [row[1] for row in check_whole(log)] == [t, t + 1, t + 5_000_000]
    assert log.head().live_from is None


def test_history_of_one_second_follows_itself_by_a_microsecond(log: Log, recorder: LedgerRecorder) -> None:
    t = micros("2011-06-30T10:00:00Z")
    recorder.append([append("a", 0, 3, history=t)])
    recorder.append([append("b", 0, history=t), append("c", 0, history=t - 999_000), append("d", 0, history=t + 2)])
    assert [row[1] for row in check_whole(log)] == [t + n for n in range(6)]


def test_history_that_lies_before_the_last_record_is_refused(log: Log, recorder: LedgerRecorder) -> None:
    t = micros("2011-06-30T10:00:00Z")
    recorder.append([append("a", 0, history=t)])
    answers = recorder.append([append("b", 0, history=t - 1_000_000), append("c", 0, history=t - 999_999)])
    assert [(a.status, a.reason) for a in answers] == [("refused", "history_out_of_order"), ("recorded", None)]
    assert len(check_whole(log)) == 2


def test_the_first_live_event_ends_history(log: Log, recorder: LedgerRecorder) -> None:
    t = micros("2011-06-30T10:00:00Z")
    answers = recorder.append(
        [append("a", 0, history=t), append("a", 1), append("a", 2, history=t + 10**15), append("a", 2)]
    )
    assert [(a.status, a.reason) for a in answers] == [
        ("recorded", None), ("recorded", None), ("refused", "ledger_is_live"), ("recorded", None),
    ]  # fmt: skip
    assert log.head().live_from == 1
    (late,) = recorder.append([append("b", 0, history=t + 10**15)])
    assert late.reason == "ledger_is_live"
    check_whole(log)


def test_a_used_key_is_answered_though_the_ledger_is_live(recorder: LedgerRecorder) -> None:
    t = micros("2011-06-30T10:00:00Z")
    recorder.append([append("a", 0, history=t, key=key("k"))])
    recorder.append([append("a", 1)])
    assert recorder.append([append("a", 0, history=t, key=key("k"))])[0].status == "replayed"


# ── the directory that an append rests on ────────────────────────────────────────────────────────────────────────────


def outdated(version: int) -> Answer:
    return Answer("outdated", None, None, version, None)


def test_an_append_on_an_outdated_directory_is_not_recorded(recorder: LedgerRecorder, log: Log) -> None:
    recorder.append([append("unit/u", 0), append("task/a", 0)])
    assert recorder.append([append("task/a", 1, directory=0)]) == [outdated(1)]
    assert recorder.append([append("task/a", 7, directory=0)]) == [conflict(1)]
    found = recorder.append([append("task/a", 1, directory=1), append("task/b", 0, directory=0), append("task/c", 0)])
    assert [answer.status for answer in found] == ["recorded", "outdated", "recorded"]
    with pytest.raises(IntegrityError):
        recorder.append([append("task/d", 0), append("task/b", 0, directory=0)], all_or_nothing=True)
    assert [row[3] for row in check_whole(log)] == ["unit/u", "task/a", "task/a", "task/c"]


@pytest.mark.parametrize("stream", ["unit/u", "plan/p", "calendar/c"])
def test_nor_when_the_directory_grows_in_the_same_batch(recorder: LedgerRecorder, log: Log, stream: str) -> None:
    found = recorder.append(
        [append("task/a", 0, directory=0), append(stream, 0, 2, directory=0), append("task/b", 0, directory=0)]
    )
    assert [answer.status for answer in found] == ["recorded", "recorded", "outdated"]
    assert recorder.append([append("task/b", 0, directory=2)]) == [outdated(0)]
    assert recorder.append([append("task/b", 0, directory=3)])[0].status == "recorded"
    assert len(check_whole(log)) == 4


def test_a_used_key_is_answered_whatever_the_append_rests_on(recorder: LedgerRecorder) -> None:
    (first,) = recorder.append([append("task/a", 0, key=key("k"), directory=0)])
    recorder.append([append("unit/u", 0)])
    again = [append("task/a", 0, key=key("k"), directory=0)]
    assert recorder.append(again) == recorder.append(again * 2)[:1] == [replace(first, status="replayed")]


# ── any batch ────────────────────────────────────────────────────────────────────────────────────────────────────────

APPENDS = st.builds(
    lambda stream, expected, count, k, command, directory: append(
        stream, expected, count, key=key(k, command) if k else None, directory=directory
    ),
    st.sampled_from(("a", "b", "c", "plan/p")),
    st.integers(0, 6),
    st.sampled_from((0, 1, 1, 2)),
    st.sampled_from((None, None, "k", "l")),
    st.sampled_from(("the command", "another")),
    st.sampled_from((None, None, 0, 2, 5, 99)),
)


class Model:
    """What the append function promises, in a few lines."""

    def __init__(self) -> None:
        self.size = 0
        self.directory_end = 0
        self.versions: dict[str, int] = {}
        self.keys: dict[str, tuple[bytes, tuple[int, int]]] = {}

    def take(self, asked: Append) -> tuple[Any, ...]:
        """(status, reason, position, version)."""
        if asked.key is not None and asked.key.key in self.keys:
            fingerprint, (position, version) = self.keys[asked.key.key]
            if fingerprint == asked.key.fingerprint:
                return "replayed", None, position, version
            return "refused", "key_reused", None, None
        at = self.versions.get(asked.stream, 0)
        if at != asked.expected:
            return "conflict", None, None, at
        if asked.directory is not None and asked.directory < self.directory_end:
            return "outdated", None, None, at
        if not asked.events:
            return "refused", "no_events", None, at
        position, version = self.size, at + len(asked.events)
        self.size += len(asked.events)
        self.versions[asked.stream] = version
        if asked.stream.startswith("plan/"):
            self.directory_end = self.size
        if asked.key is not None:
            self.keys[asked.key.key] = (asked.key.fingerprint, (position, version))
        return "recorded", None, position, version


@examples(40)
@given(st.lists(st.lists(APPENDS, min_size=1, max_size=8), max_size=8))
def test_any_batches_are_answered_as_the_model_answers_them(
    database: Database, log: Log, recorder: LedgerRecorder, batches: list[list[Append]]
) -> None:
    model = Model()
    with psycopg.connect(database.owner, autocommit=True) as owner:
        wipe(owner)
    for batch in batches:
        answers = [(a.status, a.reason, a.position, a.version) for a in recorder.append(batch)]
        assert answers == [model.take(asked) for asked in batch]
    assert len(check_whole(log)) == model.size


def wipe(owner: psycopg.Connection[Any]) -> None:
    """The ledger is as new, against all its rules: only a superuser who takes the triggers off can do this."""
    owner.execute(
        "ALTER TABLE ledger.log DISABLE TRIGGER USER; TRUNCATE ledger.log, ledger.stream, ledger.idempotency;"
        "UPDATE ledger.head SET next_position = 0, recorded_at = 0, live_from = NULL;"
        "ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER log_append_only"
    )


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


Seen = list[tuple[int, bytes]]
"""(position, entry), in the order in which a reader came to them."""


def read_on(log: Log, stop: threading.Event, seen: Seen) -> None:
    """A reader that polls by position, and takes what is there for all there is up to there."""
    position = 0
    while not stop.is_set() or position < log.head().next_position:
        for at, entry in log.entries(position, 2**62, 100):
            seen.append((at, entry))
            position = at + 1


def check_seen(log: Log, seen: Sequence[Seen]) -> None:
    """Each reader came to the same event at each position, without a gap: the one that stands there in the end."""
    rows = [(row[0], row[5]) for row in raw(log)]
    for each in seen:
        assert [at for at, _ in each] == [at for at, _ in rows]
        assert [pair for pair in zip(each, rows, strict=True) if pair[0] != pair[1]] == []


def check_nothing_lost(log: Log, done: Sequence[Done]) -> None:
    rows = check_whole(log)
    by = [(json.loads(row[5])["event"]["by"], json.loads(row[5])["event"]["k"]) for row in rows]
    assert len(set(by)) == len(by)
    assert set(by) == {(name, k) for name, _, size in done for k in range(size)}
    for name, position, size in done:
        assert by[position : position + size] == [(name, k) for k in range(size)]


def test_sixteen_threads_lose_nothing_and_readers_see_no_gap(database: Database) -> None:
    pool = Pool(database.app, pool_size=20)
    log, recorder = Log(pool), LedgerRecorder(pool)
    stop = threading.Event()
    seen: list[Seen] = [[], []]
    readers = [threading.Thread(target=read_on, args=(log, stop, each)) for each in seen]
    try:
        for reader in readers:
            reader.start()
        with ThreadPoolExecutor(16) as writers:
            jobs = [writers.submit(write, recorder, log, f"w{n}", 15 * EFFORT) for n in range(16)]
            done = [each for job in jobs for each in job.result()]
        stop.set()
        for reader in readers:
            reader.join()
        check_nothing_lost(log, done)
        check_seen(log, seen)
    finally:
        stop.set()
        pool.close()


def test_four_processes_lose_nothing(database: Database, log: Log) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [
        context.Process(target=write_in_a_process, args=(database.app, f"p{n}", 15 * EFFORT, answers)) for n in range(4)
    ]
    for process in processes:
        process.start()
    done = [each for _ in processes for each in answers.get(timeout=60)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    check_nothing_lost(log, done)


def test_a_killed_session_leaves_all_of_its_batch_or_nothing(database: Database, log: Log, pool: Pool) -> None:
    chance = random.Random(7)
    batches = [[append(f"s{n}-{k}", 0, 50, key=key(f"{n}-{k}")) for k in range(20)] for n in range(10 * EFFORT)]
    killed = 0
    with psycopg.connect(database.owner, autocommit=True) as owner:
        for n, batch in enumerate(batches):
            connection = pool.connect()
            append_on(connection, [append("warm", n)])
            killer = threading.Timer(chance.random() * 0.015, kill, (owner, connection.info.backend_pid))
            killer.start()
            try:
                append_on(connection, batch)
            except psycopg.OperationalError:
                killed += 1
            killer.join()
            connection.close()
            assert log.head().next_position - n - 1 in (n * 1000, (n + 1) * 1000)
            (answers,) = {tuple(a.status for a in LedgerRecorder(pool).append(batch))}
            assert len(set(answers)) == 1
            assert answers[0] in ("recorded", "replayed")
    assert killed
    assert len(check_whole(log)) == 1001 * len(batches)


def kill(owner: psycopg.Connection[Any], pid: int) -> None:
    owner.execute("SELECT pg_terminate_backend(%s)", (pid,))


def test_a_follower_is_woken_and_told_nothing(database: Database, recorder: LedgerRecorder) -> None:
    with psycopg.connect(database.app, autocommit=True) as listener:
        listener.execute("LISTEN ledger")
        recorder.append([append("a", 1)])
        recorder.append([append("a", 0), append("b", 0)])
        told = list(listener.notifies(timeout=5, stop_after=1))
        assert [(each.channel, each.payload) for each in told] == [("ledger", "")]
        assert list(listener.notifies(timeout=0.05)) == []
