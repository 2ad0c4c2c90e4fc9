"""Commands over HTTP, as units send them: `ledger serve` in a process of its own, with its follower at work."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.bulk import begin, report
from bench.cases import Done, case
from bench.support import database
from ledger.services.ledger import Ledger
from ledger.settings import Settings

CLIENTS = 16
STARTING = 60.0
"""Seconds, at most, until the server answers."""
Connection = tuple[StreamReader, StreamWriter]


@case("commands", "commands over HTTP, 16 clients", share=0.04)
def over_http(conninfo: str, events: int) -> Done:
    """Each client has one connection, and sends the next command when the last is answered."""
    chance = random.Random(16)
    lines = [report(chance.randrange(1_000), n) for n in range(events + CLIENTS)]
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder, database(conninfo) as made:
        with Ledger(Settings(database_url=made, data_dir=Path(folder))) as ledger:
            begin(ledger)
        with _served(made, folder) as port:
            seconds = asyncio.run(_sent(port, lines))
    # Without the client's. Of all processes that this one has started and waited for, the server is by far the largest.
    return Done(events, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


@contextmanager
def _served(conninfo: str, folder: str) -> Iterator[int]:
    """The port of a server on that ledger."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("ledger")), "serve", "--port", str(port)]
    variables = {**os.environ, "LEDGER_DATABASE_URL": conninfo, "LEDGER_DATA_DIR": folder}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield port
        finally:
            server.terminate()


async def _sent(port: int, lines: Sequence[bytes]) -> float:
    connections = [await _connected(port) for _ in range(CLIENTS)]

    async def client(connection: Connection, mine: Sequence[bytes]) -> None:
        for line in mine:
            await _post(*connection, line)

    async def all_clients(some: Sequence[bytes]) -> None:
        await asyncio.gather(*(client(each, some[n::CLIENTS]) for n, each in enumerate(connections)))

    await all_clients(lines[:CLIENTS])
    start = time.perf_counter()
    await all_clients(lines[CLIENTS:])
    seconds = time.perf_counter() - start
    for _, writer in connections:
        writer.close()
    return seconds


async def _connected(port: int) -> Connection:
    deadline = time.monotonic() + STARTING
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "the server does not answer"
            await asyncio.sleep(0.1)


async def _post(reader: StreamReader, writer: StreamWriter, line: bytes) -> None:
    """A client of so few steps that the server is what is measured."""
    writer.write(
        b"POST /v1/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(line), line)
    )
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    assert head.startswith(b"http/1.1 201"), (head, body)
