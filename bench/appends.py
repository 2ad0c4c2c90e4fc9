"""Single-event appends per second: ours, through group commit, beside the library's default PostgreSQL recorder.

    python -m bench.appends

One process, fsync on, one event an append, each to a stream of its own: with 1 writer and with 16 concurrent ones.
The events are of the same size on both sides.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from bench.support import database, interleaved, server, show, timed
from ledger.store.append import Append
from ledger.store.database import Database
from ledger.store.group_commit import GroupCommit

STATE = b'{"data":"' + b"x" * 380 + b'"}'
RUNS = 3


def rate(writers: int, appends: int, append: Callable[[], object]) -> float:
    """Appends a second, with so many concurrent writers."""
    share = appends // writers

    def work() -> None:
        for _ in range(share):
            append()

    def all_writers() -> None:
        with ThreadPoolExecutor(writers) as pool:
            for future in [pool.submit(work) for _ in range(writers)]:
                future.result()

    return share * writers / timed(all_writers)


def main() -> None:
    """Print the table."""
    with server() as started, database(started) as ours, database(started) as theirs:
        ledger = Database(ours)
        committer = GroupCommit(ledger)
        given = conninfo_to_dict(theirs)
        datastore = PostgresDatastore(
            dbname=str(given["dbname"]),
            host=str(given["host"]),
            port=str(given.get("port", 5432)),
            user=str(given["user"]),
            password="",
            pool_size=16,
        )
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()

        def append_ours() -> None:
            answers = committer.append([Append(f"bench/{uuid.uuid4()}", 0, (("bench.event", STATE),))])
            assert answers[0].status == "recorded"

        def append_theirs() -> None:
            recorder.insert_events([StoredEvent(uuid.uuid4(), 1, "bench.event", STATE)])

        rows = []
        for writers, few, many in ((1, 1_000, 1_000), (16, 3_000, 20_000)):
            rate(writers, 500, append_ours), rate(writers, 500, append_theirs)
            mine, library = interleaved(
                RUNS,
                lambda w=writers, n=many: rate(w, n, append_ours),  # type: ignore[misc]  # bound on purpose
                lambda w=writers, n=few: rate(w, n, append_theirs),  # type: ignore[misc]  # bound on purpose
            )
            rows.append({"writers": writers, "ours /s": mine, "library /s": library, "ratio": mine / library})
        show("Single appends", rows)
        committer.close()
        ledger.close()
        datastore.close()


if __name__ == "__main__":
    main()
