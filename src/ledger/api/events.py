"""`/v1/events`: the log itself, page by page, or as a stream that goes on as long as the client listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

import orjson
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ledger.api.json_response import Json
from ledger.api.parameters import MAX_POSITION, Parameters
from ledger.api.parts import parts_of
from ledger.domain.texts import Absent
from ledger.domain.times import utc_text
from ledger.errors import BadQuery, DatabaseUnavailable
from ledger.merkle.hashing import leaf_hash
from ledger.services.ledger import Ledger
from ledger.store.entry import event_bytes
from ledger.store.entry_texts import entry_references
from ledger.store.texts import TextStore

router = APIRouter(tags=["events"])
STREAM_BATCH = 200
"""Entries that a stream reads at a time."""


class After(Parameters):
    """From where."""

    after: int | None = Field(None, ge=0, lt=MAX_POSITION, description="The last position seen; by default none was.")


class EventsPage(After):
    """From where, and how many."""

    limit: int = Field(100, ge=1, le=1000, description="How many events an answer holds, at most.")


@router.get("/v1/events")
def events(request: Request, query: Annotated[EventsPage, Query()]) -> Response:
    """Events in the order of the log. `next` is what to give as `after`; it is null at the log's end.

    The entry that `leaf` is the hash of is `{"event":…,"recorded_at":…}`: the event's bytes as they stand here, and
    the time in microseconds since 1970. It holds references to texts; `texts` has these by their paths in the
    event, and `absent` says why one is not there: erased, withheld, or altered.
    """
    first = 0 if query.after is None else query.after + 1
    entries = parts_of(request).ledger.log.entries(first, MAX_POSITION, query.limit + 1)
    shown = entries[: query.limit]
    return Json(
        {
            "events": _events(parts_of(request).ledger.texts, shown),
            "next": shown[-1][0] if len(shown) < len(entries) else None,
        }
    )


async def _resumed(
    query: Annotated[After, Query()], last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None
) -> int:
    """The position that a stream begins at; a client that comes back says in a header what it saw last."""
    if last_event_id:
        if not last_event_id.isdecimal() or int(last_event_id) >= MAX_POSITION:
            raise BadQuery("Last-Event-ID", f"{last_event_id!r} is not a position")
        return int(last_event_id) + 1
    return 0 if query.after is None else query.after + 1


# Not in the OpenAPI document: what FastAPI would say of a stream is not valid in version 3.1.
@router.get("/v1/events/stream", response_class=EventSourceResponse, include_in_schema=False)
async def stream(request: Request, start: Annotated[int, Depends(_resumed)]) -> AsyncIterator[ServerSentEvent]:
    """The events from `start` on, and then each as it is recorded; an idle stream holds no thread and no connection."""
    parts = parts_of(request)
    loop, news = asyncio.get_running_loop(), asyncio.Event()
    with parts.following.listening(lambda: loop.call_soon_threadsafe(news.set)):
        while True:
            news.clear()
            try:
                found = await run_sync(_read, parts.ledger, start, limiter=parts.stream_readers)
            except DatabaseUnavailable:
                return  # the client comes back, and says what it saw last
            for position, event in found:
                yield ServerSentEvent(id=str(position), raw_data=event)
                start = position + 1
            if not found:
                await news.wait()


def _read(ledger: Ledger, start: int) -> list[tuple[int, str]]:
    """(position, event as JSON) of the next entries."""
    entries = ledger.log.entries(start, MAX_POSITION, STREAM_BATCH)
    events = _events(ledger.texts, entries)
    return [(position, orjson.dumps(event).decode()) for (position, _), event in zip(entries, events, strict=True)]


def _events(store: TextStore, entries: Sequence[tuple[int, bytes]]) -> list[dict[str, object]]:
    """The entries with their places and texts."""
    references = [entry_references(entry) for _, entry in entries]
    texts = store.resolve({ref for of_entry in references for ref in of_entry.values()})
    return [
        _event(position, entry, {path: texts[ref] for path, ref in of_entry.items()})
        for (position, entry), of_entry in zip(entries, references, strict=True)
    ]


def _event(position: int, entry: bytes, texts: Mapping[str, str]) -> dict[str, object]:
    """The entry with its place. Its event is given byte for byte, so that the leaf hash can be computed from it."""
    # The database puts recorded_at last (migration 0001).
    recorded_at = int(entry[entry.rindex(b":") + 1 : -1])
    return {
        "position": position,
        "leaf": leaf_hash(entry).hex(),
        "recorded_at": utc_text(recorded_at),
        "texts": {path: text for path, text in texts.items() if not isinstance(text, Absent)},
        "absent": {path: text.value for path, text in texts.items() if isinstance(text, Absent)},
        "event": orjson.Fragment(event_bytes(entry, recorded_at)),
    }
