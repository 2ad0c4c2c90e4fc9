"""A ledger opened on a test's database, command lines for it, and its readings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec.structs import replace
from tests.conftest import Database

from ledger.domain.times import microseconds, parse_instant
from ledger.projections.rows import Reading, Scope
from ledger.services.answers import Recorded
from ledger.services.command_line import parse_line
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission
from ledger.services.ledger import Ledger
from ledger.settings import Settings

ZONE = "Asia/Ho_Chi_Minh"
UNITS = ("AUTH", "REV", "EXT", "U1", "U2", "U3")


class StandingClock:
    """Shows the same instant until it is moved."""

    def __init__(self, at: str = "2025-03-31T12:00:00+07:00") -> None:
        self.now = micros(at)

    def __call__(self) -> int:
        return self.now


def micros(text: str) -> int:
    """Microseconds since 1970 UTC of an instant with an offset."""
    instant = parse_instant(text)
    assert instant is not None, text
    return microseconds(instant)


@contextmanager
def opened(database: Database, at: str | None = None, **more: object) -> Iterator[Ledger]:
    """The test's ledger, with a clock that stands at that instant (by default in March 2025)."""
    settings = Settings(database_url=database.app, **({"time_zone": ZONE, "pool_size": 4} | more))
    with Ledger(settings, clock=StandingClock(at) if at else StandingClock()) as ledger:
        yield ledger


def line(command: str, of: str, on: int | str | None = None, *, unit: str = "AUTH", **data: object) -> bytes:
    """A command line. `of` is the task, or `unit/U1`, `plan/P1`; `on` a day of March 2025, or as written.

    Names that belong beside the data, such as `expected_version`, are put there.
    """
    kind, _, code = of.partition("/")
    if kind not in ("unit", "plan", "calendar"):
        kind, code = "task", of
    beside = {name: data.pop(name) for name in _BESIDE & data.keys()}
    given = {"command": command, kind: code, "acting_unit": unit, "data": data} | beside
    if on is not None:
        given["effective_at"] = f"2025-03-{on:02d}" if isinstance(on, int) else on
    return msgspec.json.encode(given)


_BESIDE = {"expected_version", "idempotency_key", "correlation", "recorded_at"}


def submit(ledger: Ledger, *lines: bytes) -> list[Outcome]:
    """What becomes of the lines, put together."""
    return ledger.commands.handle([Submission(*parse_line(each)) for each in lines])


def record(ledger: Ledger, *lines: bytes) -> list[Recorded]:
    """The lines are recorded, all of them."""
    outcomes = submit(ledger, *lines)
    for each, outcome in zip(lines, outcomes, strict=True):
        assert isinstance(outcome, Recorded), (each, outcome)
    return [outcome for outcome in outcomes if isinstance(outcome, Recorded)]


def beginnings() -> list[bytes]:
    """The units AUTH, REV, EXT, U1, U2, U3, with U3 below U1, and the plan P1 with the item A1."""
    lines = [line("register_unit", f"unit/{code}", "2025-01-01", unit=code, name=f"Unit {code}") for code in UNITS[:-1]]
    lines.append(line("register_unit", "unit/U3", "2025-01-01", name="Unit U3", parent="U1"))
    lines.append(line("adopt_plan", "plan/P1", "2025-01-01", title="Plan", items=[{"code": "A1", "title": "Pillar"}]))
    return lines


@contextmanager
def both(ledger: Ledger, position: int, on: dt.date) -> Iterator[tuple[Reading, Reading]]:
    """The two readings of one (position, on): from the read models, as far as they have followed, and by a fold."""
    queries = ledger.queries(keep_up=lambda _: None)
    point = replace(queries.point(None, on.isoformat()), position=position)
    with queries.reading(point) as models, queries.reading(point, replay=True) as replay:
        yield models, replay


def answers(reading: Reading, scopes: Sequence[Scope], tasks: Sequence[str]) -> dict[str, Any]:
    """Everything that a reading can be asked, by question."""
    found: dict[str, Any] = {"units": list(reading.units()), "plans": list(reading.plans())}
    for scope in scopes:
        found |= {
            f"status_counts {scope}": list(reading.status_counts(scope)),
            f"tasks {scope}": list(reading.tasks(scope)),
            f"open {scope}": list(reading.tasks(scope, only_open=True)),
            f"overdue {scope}": list(reading.tasks(scope, only_overdue=True)),
            f"page {scope}": list(reading.tasks(scope, after=tasks[0], limit=2)),
            f"ends_before_start {scope}": list(reading.ends_before_start(scope)),
            f"deadline_changes {scope}": list(reading.deadline_changes(scope)),
            f"requests {scope}": list(reading.requests(scope)),
            f"slips {scope}": [list(reading.slips(scope, kind)) for kind in ("active", "original")],
        }
    for task in tasks:
        found[f"timeline {task}"] = list(reading.timeline(task))
        found[f"slip {task}"] = [reading.slip(task, kind) for kind in ("active", "original")]
    return found
