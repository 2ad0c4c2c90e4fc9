"""The promises of the embedded server, kept between real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ledger.errors import EmbeddedServerError
from ledger.store.embedded import EmbeddedServer
from ledger.store.file_lock import FileLock

# A process that holds a lease until its standard input ends.
HOLDER = """
import sys
from pathlib import Path
from ledger.store.embedded import EmbeddedServer
with EmbeddedServer.start(Path(sys.argv[1]), durable=False) as server:
    print(server.conninfo(), flush=True)
    sys.stdin.read()
"""

FORKER = """
import os, sys
from pathlib import Path
from ledger.store.embedded import EmbeddedServer
with EmbeddedServer.start(Path(sys.argv[1]), durable=False) as server:
    child = os.fork()
    if child == 0:
        server.close()
        os._exit(0)
    os.waitpid(child, 0)
    print(server.conninfo(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose server every test leaves stopped, so that only the first one makes a cluster."""
    return tmp_path_factory.mktemp("data")


class Holder:
    """Another process with a lease."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        self.conninfo = process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def holder(data_dir: Path, program: str = HOLDER) -> Iterator[Holder]:
    command = [sys.executable, "-c", program, str(data_dir)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Holder(process)
    finally:
        if process.poll() is None:
            process.communicate()


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def is_running(data_dir: Path) -> bool:
    """Asked of the process, not of the locks that are under test."""
    try:
        os.kill(postmaster_pid(data_dir), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def crash(data_dir: Path) -> None:
    """The postmaster dies as in a power cut, leaving its files; its children follow."""
    os.kill(postmaster_pid(data_dir), signal.SIGKILL)
    with FileLock(data_dir / "run" / "server") as server:
        assert server.alone(timeout=20)


def answer(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        (value,) = connection.execute("SELECT 42").fetchone() or (None,)
    return int(value or 0)


def test_two_processes_share_a_server_and_the_last_one_stops_it(data_dir: Path) -> None:
    with holder(data_dir) as first, holder(data_dir) as second:
        assert first.conninfo == second.conninfo
        first.leave()
        assert answer(second.conninfo) == 42
        second.leave()
        assert not is_running(data_dir)


def test_leases_of_one_process_count_each(data_dir: Path) -> None:
    first = EmbeddedServer.start(data_dir, durable=False)
    second = EmbeddedServer.start(data_dir, durable=False)
    first.close()
    first.close()
    assert answer(second.conninfo()) == 42
    second.close()
    assert not is_running(data_dir)


def test_processes_that_start_at_once_get_one_server(data_dir: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(data_dir)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    holders = [Holder(process) for process in processes]
    assert {answer(one.conninfo) for one in holders} == {42}
    for one in holders:
        assert is_running(data_dir)
        one.leave()
    assert not is_running(data_dir)


def test_a_killed_process_does_not_keep_the_server_up_once_the_next_one_leaves(data_dir: Path) -> None:
    with holder(data_dir) as killed:
        killed.kill()
    assert is_running(data_dir)
    with EmbeddedServer.start(data_dir, durable=False) as server:
        assert answer(server.conninfo()) == 42
    assert not is_running(data_dir)


def test_a_killed_process_takes_nothing_from_those_who_stay(data_dir: Path) -> None:
    with holder(data_dir) as staying, holder(data_dir) as killed:
        killed.kill()
        with holder(data_dir) as passing:
            passing.leave()
        assert answer(staying.conninfo) == 42
        staying.leave()
    assert not is_running(data_dir)


def test_a_forked_child_that_closes_does_not_stop_the_server(data_dir: Path) -> None:
    with holder(data_dir, FORKER) as parent:
        assert answer(parent.conninfo) == 42
        parent.leave()
    assert not is_running(data_dir)


def test_after_a_crash_files_that_name_a_living_process_do_not_prevent_a_start(data_dir: Path) -> None:
    with holder(data_dir) as killed:
        pid = postmaster_pid(data_dir)
        crash(data_dir)
        killed.kill()
    owner = (data_dir / "run").stat()
    bystander = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None, cwd="/")
    try:
        stale = [data_dir / "postgres" / "postmaster.pid", *data_dir.glob("run/*.lock")]
        assert len(stale) == 2
        for path in stale:
            path.write_text(path.read_text().replace(f"{pid}\n", f"{bystander.pid}\n", 1))
        with EmbeddedServer.start(data_dir, durable=False) as server:
            assert answer(server.conninfo()) == 42
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    assert not is_running(data_dir)


def test_a_lease_outlives_a_crash_of_the_server_and_the_next_one_starts_it_anew(data_dir: Path) -> None:
    with EmbeddedServer.start(data_dir, durable=False) as before:
        crash(data_dir)
        with EmbeddedServer.start(data_dir, durable=False) as after:
            assert answer(after.conninfo()) == 42
        assert answer(before.conninfo()) == 42
    assert not is_running(data_dir)


def test_a_path_too_long_for_a_socket_gets_a_private_directory_elsewhere(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 30)
    with EmbeddedServer.start(data_dir, durable=False) as server:
        assert answer(server.conninfo()) == 42
        socket_dir = Path(psycopg.conninfo.conninfo_to_dict(server.conninfo())["host"])  # type: ignore[arg-type]
        assert data_dir not in socket_dir.parents
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert not socket_dir.exists()


def test_a_path_with_a_comma_and_a_quote_works(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path / "Ministry, 'finance' $HOME", durable=False) as server:
        assert answer(server.conninfo()) == 42


def test_a_directory_that_others_can_enter_is_refused_for_the_socket(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="mode 0700"):
        EmbeddedServer.start(tmp_path, durable=False)


def test_a_durable_lease_is_not_given_on_a_server_without_durability(data_dir: Path) -> None:
    fleeting = EmbeddedServer.start(data_dir, durable=False)
    with fleeting, pytest.raises(EmbeddedServerError, match="without durability"):
        EmbeddedServer.start(data_dir)
    assert not is_running(data_dir)


def test_a_server_that_does_not_start_shows_its_log_and_what_to_do(data_dir: Path) -> None:
    configuration = data_dir / "postgres" / "postgresql.conf"
    with EmbeddedServer.start(data_dir, durable=False):
        pass
    good = configuration.read_text()
    configuration.write_text(good + "\nno_such_setting = 1\n")
    began = time.monotonic()
    try:
        with pytest.raises(EmbeddedServerError, match="no_such_setting") as caught:
            EmbeddedServer.start(data_dir, durable=False)
    finally:
        configuration.write_text(good)
    assert "LEDGER_DATABASE_URL" in str(caught.value)
    assert time.monotonic() - began < 5


def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match="LEDGER_DATA_DIR"):
        EmbeddedServer.start(tmp_path / "file")


def test_a_cluster_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    if os.geteuid() == 0:
        os.chown(tmp_path / "postgres", 65534, 65534)
    with pytest.raises(EmbeddedServerError, match="PostgreSQL 17"):
        EmbeddedServer.start(tmp_path, durable=False)


def test_it_listens_on_no_tcp_port_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with EmbeddedServer.start(tmp_path / "data") as server, psycopg.connect(server.conninfo()) as connection:
        shown = {
            name: (connection.execute(f"SHOW {name}").fetchone() or ("",))[0]
            for name in (
                "listen_addresses",
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "data_checksums",
                "timezone",
            )
        }
    assert shown == {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "timezone": "UTC",
    }
