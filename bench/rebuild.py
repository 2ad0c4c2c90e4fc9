"""Events per second into read models: filled (a rebuild), and followed by position (the runner).

    python -m bench read-models [--events N]

A made-up history of 50 events a task, by one worker a core; fsync on. The
processor's time of this process and of the workers is told as well, because it does not depend on who else is at work.
"""

from __future__ import annotations

import resource

from bench.histories import Generator, load
from bench.support import database, machine, server, settle, show, timed
from ledger.domain.times import zone_of
from ledger.projections import all_projections, builds, filling
from ledger.projections.base import Projection
from ledger.projections.runner import Runner
from ledger.store.database import Database
from ledger.store.locale import Locale
from ledger.store.log import Log
from ledger.store.recorder import LedgerRecorder

ZONE = "Asia/Ho_Chi_Minh"
FOLLOWED = 20_000
"""The events that are followed and not filled: as many as one does not fill for."""


def main(wanted: int) -> None:
    """Print the table."""
    appends = Generator(wanted // 50, 400, wanted).appends()
    events = len(appends)
    projections = all_projections(zone_of(ZONE))
    rows = []

    def measured(work: str, count: int, seconds: float, processor: float) -> None:
        rows.append({"work": work, "events/s": count / seconds, "Python, us an event": processor / count * 1e6})

    with server() as started, database(started) as conninfo:
        about, ledger = machine(started), Database(conninfo)
        log, recorder = Log(ledger), LedgerRecorder(ledger)
        log.pin_locale(Locale(ZONE, "VN"))
        early, late = appends[:FOLLOWED], appends[FOLLOWED:]
        appends.clear()
        builds.ensure(ledger, projections)
        load(recorder.append, early[:-1])  # one less than makes the runner fill
        before = _processor_seconds()
        runner = Runner(ledger, log, projections)
        measured("follow all read models", len(early), timed(runner.catch_up), _processor_seconds() - before)
        load(recorder.append, early[-1:] + late)
        settle(conninfo)
        for some in (*((projection,) for projection in projections), projections):
            before = _processor_seconds()
            seconds = timed(lambda chosen=some: rebuilt(ledger, log, chosen))  # type: ignore[misc]  # bound on purpose
            name = some[0].name if len(some) == 1 else "all read models together"
            measured(f"rebuild {name}", events, seconds, _processor_seconds() - before)
        ledger.close()
    peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"{events:,} events; peak memory of this process {peaks[0]:,} MiB, of the largest other one {peaks[1]:,} MiB")
    show("Read models", rows, about)


def rebuilt(ledger: Database, log: Log, projections: tuple[Projection, ...]) -> None:
    """New builds of the projections were filled, and are gone again."""
    found = filling.rebuild(ledger, log, projections)
    with ledger.connection() as connection:
        for build in found:
            builds.drop(connection, build)


def _processor_seconds() -> float:
    """Of this process, and of those that it has started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
