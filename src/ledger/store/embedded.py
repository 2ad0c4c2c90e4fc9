"""The embedded PostgreSQL server: started by the first process that needs it, stopped by the last one that leaves.

Below the data directory lie

    postgres/      the cluster
    postgres.log   what the server says
    run/           the server's socket, and three files that are only ever locked (flock(2)):
      turn           held alone while a server is being started or stopped
      lease          shared by every process that uses the server, for as long as it does
      server         held alone by the server's own processes, which inherit it

The kernel lets go of the locks of a process that dies, so nothing goes stale: whether a server runs, and whether
anybody uses it, is asked of the locks alone, and never of process numbers in files, which outlive their processes and
are given out again.

Who can connect: the server listens on no TCP port; its socket lies in a directory of mode 0700. That admits the user
who started it, and root. Whoever gets there is trusted to be any database role.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg.conninfo import make_conninfo

from ledger.errors import EmbeddedServerError
from ledger.store.file_lock import FileLock
from ledger.store.postmaster import PORT, STOP_SECONDS, SUPERUSER, Postmaster
from ledger.store.server_account import account_for, own_directory

_START_SECONDS = 120.0  # recovery after a crash replays up to max_wal_size
_POLL_SECONDS = 0.01


class EmbeddedServer:
    """A lease on the server of one data directory: it runs at least until `close`, or until this process ends.

    Any number of processes of one user may hold a lease at the same time, and a process several. The server stops when
    the last one is closed. A process that is killed loses its lease at once; the server that it may have left behind
    stops when the next process that uses it leaves.
    """

    def __init__(self, data_dir: Path, postmaster: Postmaster, lease: FileLock) -> None:
        """Use `start`."""
        self.data_dir = data_dir
        self._postmaster = postmaster
        self._lease = lease
        self._socket_dir = ""
        self._process = os.getpid()
        self._open = True

    @classmethod
    def start(cls, data_dir: Path, *, durable: bool = True) -> EmbeddedServer:
        """A lease on a server that answers; the cluster is made and the server started where need be.

        With `durable=False`, meant for tests, a crash of the machine may ruin the cluster. A durable lease is not given
        on a server that was started without. Raises EmbeddedServerError.
        """
        data_dir = data_dir.expanduser().absolute()
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            data_dir = data_dir.resolve()
            run, cluster = data_dir / "run", data_dir / "postgres"
            account = account_for(cluster, run)
            own_directory(run, account)
            with _turn(data_dir):
                server = cls(data_dir, Postmaster(cluster, run, account), FileLock(run / "lease"))
                server._take_lease(durable=durable)
        except OSError as error:
            raise EmbeddedServerError(
                f"the embedded PostgreSQL server cannot use {data_dir}: {error}. "
                "Choose another directory with LEDGER_DATA_DIR."
            ) from error
        atexit.register(server.close)
        return server

    def conninfo(self, *, user: str = SUPERUSER, dbname: str = "postgres") -> str:
        """A libpq connection string, whole: PGHOST, PGPORT, PGUSER and PGDATABASE do not matter."""
        return make_conninfo(host=self._socket_dir, port=PORT, user=user, dbname=dbname)

    def close(self) -> None:
        """The lease is given back; if it was the last one, the server has stopped. Closing twice does no harm.

        In a forked child only the child's part in the lease is given back.
        """
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.close)
        if os.getpid() != self._process:
            self._lease.close()
            return
        try:
            with _turn(self.data_dir):
                self._leave()
        finally:
            self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What follows runs while this process has the turn.

    def _take_lease(self, *, durable: bool) -> None:
        self._lease.share()
        try:
            self._ensure_running(durable=durable)
        except EmbeddedServerError:
            self._lease.close()
            raise
        except BaseException:  # an interrupt: nobody is left to stop a server that has just been started
            self._leave()
            self._lease.close()
            raise

    def _leave(self) -> None:
        if self._lease.try_alone():
            self._postmaster.stop()

    def _ensure_running(self, *, durable: bool) -> None:
        deadline = time.monotonic() + _START_SECONDS
        started = False
        while True:
            if not self._postmaster.is_running():
                if started:
                    raise self._postmaster.failure("the embedded PostgreSQL server did not start")
                self._postmaster.launch(durable=durable)
                started = True
            if socket_dir := self._postmaster.answers_in():
                self._socket_dir = socket_dir
                break
            if time.monotonic() > deadline:
                raise self._postmaster.failure(
                    f"the embedded PostgreSQL server does not answer after {_START_SECONDS:.0f} s; it may still be "
                    "recovering from a crash, so trying again may help"
                )
            time.sleep(_POLL_SECONDS)
        if durable and not started and self._postmaster.is_fleeting(self.conninfo()):
            raise EmbeddedServerError(
                f"the server that runs in {self.data_dir} was started without durability, for tests. "
                "End the processes that use it first."
            )


@contextmanager
def _turn(data_dir: Path) -> Iterator[None]:
    """Nobody else starts or stops the server of this data directory meanwhile."""
    with FileLock(data_dir / "run" / "turn") as turn:
        if not turn.alone(_START_SECONDS + 2 * STOP_SECONDS):
            raise EmbeddedServerError(
                f"another process has been starting or stopping the server in {data_dir} for minutes."
            )
        yield
