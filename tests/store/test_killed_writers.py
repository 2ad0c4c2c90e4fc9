"""Writers of several processes on the same streams, killed at any moment: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg
from tests.conftest import Database
from tests.store.test_append import Seen, check_nothing_lost, check_seen, kill, read_on
from tests.support.effort import EFFORT
from tests.support.writers import told

from ledger.store.log import Log

PROCESSES, WRITERS = 4, 4
COMMANDS = 1_250 * EFFORT
"""Of each writer: 20,000 of all of them, half from threads and half from tasks."""
KILLS = 12 * EFFORT
"""About so many: the more appends lie between two, the less of the time goes into starting processes again."""
_PROGRAM = """
import sys
from pathlib import Path
from tests.support.writers import write_on
write_on(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
"""


def test_what_was_acknowledged_is_there_once_and_in_one_order(database: Database, log: Log, tmp_path: Path) -> None:
    chance = random.Random(16)
    stop = threading.Event()
    seen: list[Seen] = [[], []]
    readers = [threading.Thread(target=read_on, args=(log, stop, each)) for each in seen]

    def start(who: int) -> subprocess.Popen[bytes]:
        given = (database.app, f"p{who}", str(WRITERS), str(COMMANDS), str(tmp_path))
        return subprocess.Popen([sys.executable, "-c", _PROGRAM, *given])

    running = {who: start(who) for who in range(PROCESSES)}
    killed: Counter[str] = Counter()
    try:
        for reader in readers:
            reader.start()
        step = PROCESSES * WRITERS * COMMANDS // KILLS
        next_kill = chance.randint(1, step)
        with psycopg.connect(database.owner, autocommit=True) as owner:
            while running:
                if log.head().next_position >= next_kill:
                    next_kill += chance.randint(step, 3 * step)
                    who = chance.choice(list(running))
                    sessions = [row[0] for row in owner.execute(_SESSIONS)]
                    if sessions and chance.random() < 0.5:
                        kill(owner, chance.choice(sessions))
                        killed["sessions"] += 1
                    elif running[who].poll() is None:
                        running[who].kill()
                        running[who].wait()
                        running[who] = start(who)
                        killed["processes"] += 1
                for who, process in list(running.items()):
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(0.01)
                    if process.poll() is not None:
                        assert running.pop(who).returncode == 0
    finally:
        stop.set()
        for process in running.values():
            process.kill()
            process.wait()
        for reader in readers:
            reader.join()
    done = [each for file in tmp_path.iterdir() for each in told(file)]
    assert Counter(name.rpartition("-")[0] for name, _, _ in done) == dict.fromkeys(
        (f"p{who}.{n}" for who in range(PROCESSES) for n in range(WRITERS)), COMMANDS
    )
    check_nothing_lost(log, done)
    check_seen(log, seen)
    assert min(killed["sessions"], killed["processes"]) > 0, killed


_SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%ledger.append(%' AND pid <> pg_backend_pid()
"""
