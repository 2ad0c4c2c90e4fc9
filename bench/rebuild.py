"""Events per second into read models: filled (a rebuild), and followed by position (the runner).

    python -m bench read-models [--events N] [--runs N]

A made-up history of 50 events a task, by one worker a core; fsync on. Every rebuild takes its turn, each read model
alone and then all together, as many times as there are runs; the figures are the medians. The processor's time of the
process that rebuilds and of its workers is told as well, because it does not depend on who else is at work.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from bench.apart import Spent, apart, spent
from bench.histories import LOCALE, recorded
from bench.support import database, machine, server, settle, show
from ledger.domain.times import zone_of
from ledger.projections import all_projections, builds, filling
from ledger.projections.builds import Build
from ledger.projections.runner import Runner
from ledger.store.database import Database
from ledger.store.log import Log

FOLLOWED = filling.WORTH_WORKERS - 1
"""The events that are followed and not filled: as many as one does not fill for."""
TOGETHER = "rebuild all read models together"


def main(wanted: int, runs: int) -> None:
    """Print the table."""
    names = [projection.name for projection in all_projections(zone_of(LOCALE.time_zone))]
    works = {f"rebuild {name}": [name] for name in names} | {TOGETHER: names}
    follow, found = [], {work: list[Spent]() for work in works}
    with server() as started, database(started) as conninfo, database(started) as short:
        about = machine(started)
        events = recorded(conninfo, wanted, (short, FOLLOWED))
        settle(conninfo)
        settle(short)
        for _ in range(runs):
            follow.append(apart(followed, short))
            for work, some in works.items():
                found[work].append(apart(rebuilt, conninfo, some))
    rows = [_row("follow all read models", min(FOLLOWED, events), follow)]
    show("Read models", rows + [_row(work, events, each) for work, each in found.items()], about)


def _row(work: str, events: int, found: Sequence[Spent]) -> dict[str, Any]:
    return {
        "work": work,
        "events": events,
        "events/s": events / statistics.median(each.seconds for each in found),
        "Python, us an event": 1e6 * statistics.median(each.processor for each in found) / events,
        "peak MiB": max(each.memory for each in found) // 1024,
        "runs": [round(events / each.seconds) for each in found],
    }


def rebuilt(conninfo: str, names: Sequence[str]) -> Spent:
    """New builds of the projections were filled, and are gone again. To be called by a process of its own."""
    ledger = Database(conninfo)
    log = Log(ledger)
    projections = [each for each in all_projections(zone_of(LOCALE.time_zone)) if each.name in names]
    made: list[Build] = []
    log.head()  # it connects
    found = spent(lambda: made.extend(filling.rebuild(ledger, log, projections)))
    _drop(ledger, made)
    ledger.close()
    return found


def followed(conninfo: str) -> Spent:
    """Builds of all projections followed the whole log, and are gone again. To be called by a process of its own."""
    ledger = Database(conninfo)
    projections = all_projections(zone_of(LOCALE.time_zone))
    builds.ensure(ledger, projections)
    found = spent(Runner(ledger, Log(ledger), projections).catch_up)
    with ledger.connection() as connection:
        made = builds.all_builds(connection)
    _drop(ledger, made)
    ledger.close()
    return found


def _drop(ledger: Database, made: Sequence[Build]) -> None:
    with ledger.connection() as connection:
        for build in made:
            builds.drop(connection, build)
