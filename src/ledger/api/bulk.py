"""Commands in bulk: a line in, an answer out, in order, while the body is still coming, in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import islice

from anyio import create_task_group
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ledger.api.backlog import Backlog
from ledger.api.json_response import encoded
from ledger.api.parts import Parts
from ledger.errors import Busy, DatabaseUnavailable, LedgerError, Refused
from ledger.services.answers import line_json
from ledger.services.command_line import MAX_LINE_BYTES, parse_line
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission

NDJSON = "application/x-ndjson"
BATCH = 500
"""Lines decided and appended together, at most; fewer when fewer have arrived."""

Line = tuple[int, bytes]
"""(number in the body from 1, bytes)."""


class NotTried(LedgerError):  # noqa: N818  # says what happened, as those in ledger.errors do
    """A line behind one of which it is not known whether it was recorded; what it asks for may rest on that one."""

    def __init__(self, after: int) -> None:
        super().__init__(
            f"not tried, because it is not known what became of line {after}: send the lines from there again"
        )


class Lines:
    """A body cut into lines as it comes. A line that is too long is cut short, and then refused for its length."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._number = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end in this chunk and are not blank."""
        *ends, rest = chunk.split(b"\n")
        lines = [line for end in ends for line in self._ended(end)]
        self._keep(rest)
        return lines

    def close(self) -> list[Line]:
        """The last line, when no line feed ended it."""
        return self._ended(b"")

    def _keep(self, part: bytes) -> None:
        self._rest += part[: MAX_LINE_BYTES + 1 - len(self._rest)]

    def _ended(self, end: bytes) -> list[Line]:
        self._keep(end)
        self._number += 1
        line = bytes(self._rest)
        self._rest.clear()
        return [(self._number, line)] if line.strip() or len(line) > MAX_LINE_BYTES else []


class BulkAnswers(Response):
    """Answers 200, and each line as it is recorded. It reads the body while it sends.

    Recording never waits for a client to read its answers, as many clients send all before they read anything.
    """

    media_type = NDJSON

    def __init__(self, parts: Parts, body: AsyncIterator[bytes]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})
        self._parts = parts
        self._body = body
        self._unknown: int | None = None
        """The first line of which it is not known whether it was recorded."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Record and answer until the body ends. Of a client that goes away, the whole lines that came are recorded."""
        with Backlog() as backlog:
            async with create_task_group() as group:
                group.start_soon(self._record, backlog)
                chunks = backlog.chunks()
                # Nothing is sent before something came: a client may first want to be told to go on (100-continue).
                first = await anext(chunks, b"")
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _record(self, backlog: Backlog) -> None:
        lines = Lines()
        try:
            async for chunk in self._body:
                await self._take(lines.feed(chunk), backlog)
            await self._take(lines.close(), backlog)
        except ClientDisconnect:
            pass  # the line that it broke off is none
        finally:
            backlog.close()

    async def _take(self, lines: Sequence[Line], backlog: Backlog) -> None:
        waiting = iter(lines)
        while batch := list(islice(waiting, BATCH)):
            backlog.put(await run_sync(self._answers, batch, limiter=self._parts.writers))

    def _answers(self, batch: Sequence[Line]) -> bytes:
        return b"".join(
            encoded(line_json(number, outcome))
            for (number, _), outcome in zip(batch, self._outcomes(batch), strict=True)
        )

    def _outcomes(self, batch: Sequence[Line]) -> list[Outcome]:
        if self._unknown is not None:
            return [NotTried(self._unknown)] * len(batch)
        outcomes: dict[int, Outcome] = {}
        submissions: dict[int, Submission] = {}
        for number, line in batch:
            try:
                submissions[number] = Submission(*parse_line(line), number=number)
            except Refused as error:
                outcomes[number] = error
        try:
            handled: Sequence[Outcome] = self._parts.commands.handle(list(submissions.values()))
        except (Busy, DatabaseUnavailable) as error:
            handled = [error] * len(submissions)
            self._unknown = next(iter(submissions))
        outcomes.update(zip(submissions, handled, strict=True))
        return [outcomes[number] for number, _ in batch]
