"""Read models are rebuilt and switched under people who read and write: they never see a mixture, nor a gap."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from tests.conftest import Database
from tests.support.effort import EFFORT
from tests.support.histories import random_lines
from tests.support.ledgers import opened, submit
from tests.support.read_models import all_of, build_of, check_rebuilt_alike, differences

from ledger.domain.times import utc_text
from ledger.errors import NotFound
from ledger.projections import filling, runner
from ledger.reports import REPORTS
from ledger.reports.writers.json import write_json
from ledger.services import read_models
from ledger.services.ledger import Ledger
from ledger.services.reporting import ReportRequest, report

TASKS = [f"T{n}" for n in range(12)]


@pytest.fixture
def ledger(ledger: Ledger) -> Ledger:
    """With a history that the read models have followed."""
    submit(ledger, *random_lines(random.Random(41), TASKS, 200))
    ledger.runner.catch_up()
    return ledger


def nothing(_: int, __: int) -> None:
    """No progress is shown."""


def every_report(ledger: Ledger, *, replay: bool = False) -> dict[str, bytes]:
    """The JSON of each: on two days, against both baselines, and as it was known half-way."""
    half = ledger.log.records(0, ledger.log.head().next_position // 2)[-1].recorded_at
    queries = ledger.queries(keep_up=lambda _: None)
    return {
        f"{name} {on} {baseline} {as_of}": write_json(
            report(queries, ReportRequest(name, as_of, on, baseline, replay=replay))  # type: ignore[arg-type]
        )
        for name in REPORTS
        for on in ("2025-03-10", "2025-03-31")
        for baseline in ("active", "original")
        for as_of in (None, utc_text(half))
    }


def test_the_json_of_every_report_is_the_same_before_and_after(ledger: Ledger) -> None:
    names = [projection.name for projection in ledger.projections]
    before = every_report(ledger)
    read_models.rebuild(ledger, [], nothing)
    assert every_report(ledger) == before
    assert {build.build for build in read_models.switch(ledger, names)} == {2}
    assert every_report(ledger) == before
    read_models.rollback(ledger, names)
    assert every_report(ledger) == before


def test_one_name_that_cannot_be_switched_leaves_all_as_they_are(ledger: Ledger) -> None:
    read_models.rebuild(ledger, ["plan_state", "charges"], nothing)
    with pytest.raises(NotFound, match="timeline"):
        read_models.switch(ledger, ["plan_state", "timeline", "charges"])
    assert {build_of(ledger, name).build for name in ("plan_state", "charges")} == {1}


def in_background(work: Callable[[], None], errors: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # shown by the test
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_who_reads_throughout_sees_what_a_fold_gives_while_others_write_and_switch(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every moment each report is, byte for byte, that of a replay of the log up to the position that it names."""
    monkeypatch.setattr(filling, "EVENTS", 20)
    monkeypatch.setattr(runner, "BATCH", 5)
    done, errors = threading.Event(), []
    chance = random.Random(12)

    def write() -> None:
        with opened(database) as writer:
            while not done.is_set():
                submit(writer, *random_lines(chance, (*chance.sample(TASKS, 2), f"N{chance.random()}"), 6))
                writer.runner.catch_up()

    def read(polls: Counter[str]) -> None:
        with opened(database) as reader:
            queries, position = reader.queries(), 0
            for name in itertools.cycle(REPORTS):
                if done.is_set():
                    return
                document = report(queries, ReportRequest(name, on="2025-03-31"))
                request = ReportRequest(name, as_of=document.as_of, on="2025-03-31", replay=True)
                assert write_json(report(queries, request)) == write_json(document)
                assert document.position >= position, "what was there is there"
                position = document.position
                polls[name] += 1

    polled: list[Counter[str]] = [Counter(), Counter()]
    threads = [in_background(write, errors), *(in_background(partial(read, each), errors) for each in polled)]
    names = [projection.name for projection in ledger.projections]
    try:
        for number in itertools.count(2):
            read_models.rebuild(ledger, [], nothing)
            assert differences(ledger) == {}
            assert {build.build for build in read_models.switch(ledger, names)} == {number}
            read_models.rollback(ledger, names)
            read_models.switch(ledger, names)
            if errors or (number >= 3 + EFFORT and all(each.keys() == REPORTS.keys() for each in polled)):
                break
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not errors
    ledger.runner.catch_up()
    assert [len(all_of(ledger, name)) for name in names] == [2] * len(names)
    by_replay = every_report(ledger, replay=True)
    assert every_report(ledger) == by_replay
    read_models.rollback(ledger, names)
    assert every_report(ledger) == by_replay
    check_rebuilt_alike(ledger)


def test_a_switch_never_goes_back_in_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new build lags; the switch brings it to where the old one is before anybody reads it."""
    read_models.rebuild(ledger, ["plan_state"], nothing)
    old, new = all_of(ledger, "plan_state")
    submit(ledger, *random_lines(random.Random(6), ("T1", "T2"), 12))
    head = ledger.log.head().next_position
    ledger.runner.catch_up(only=[old])
    monkeypatch.setattr("ledger.services.ledger.Runner.catch_up", _only(ledger.runner.catch_up))
    assert build_of(ledger, "plan_state", 2).position == new.position < head
    read_models.switch(ledger, ["plan_state"])
    assert (build_of(ledger, "plan_state").build, build_of(ledger, "plan_state").position) == (2, head)


def _only(catch_up: Callable[..., int]) -> Callable[..., int]:
    """As if the follower were late: nothing is followed but what a switch asks for by name."""

    def late(_: object, stop: int | None = None, only: object = None) -> int:
        return catch_up(stop, only=only) if only is not None else 0

    return late
